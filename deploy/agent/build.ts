import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bundleAgent } from '../../dev/bundle-agent.ts';

/** `npm run build:agent`: what the agent's image consists of, in dist/agent. */
const folder = fileURLToPath(new URL('../../dist/agent', import.meta.url));
await rm(folder, { recursive: true, force: true });
process.stdout.write(`${await bundleAgent(folder)}\n`);
