import './spare-memory.ts';
import { runAgent } from './run-agent.ts';

const stopping = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.on(name, () => {
    stopping.abort(new Error(`stopped by ${name}`));
  });

process.exitCode = await runAgent({
  args: process.argv.slice(2),
  env: process.env,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  signal: stopping.signal,
});
