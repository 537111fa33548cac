import { parseArgs } from 'node:util';

import { z } from 'zod';

import { failures } from './failures.ts';
import { instantPace, realisticPace } from './pace.ts';
import { startSimulator } from './server.ts';

/** Runs the model simulator as a process of its own: `node dev/simulator/main.ts --port 4000`. */

const help = `Fairlead's model simulator: a server that speaks OpenAI's dialect and misbehaves on request.

  --port N                 port on 127.0.0.1 (default: a free one)
  --api-key KEY            refuse requests without this key
  --first-token-ms N       time to the first token (default ${realisticPace.firstTokenMs})
  --tokens-per-second N    pace after it (default ${realisticPace.tokensPerSecond})
  --instant                no delays at all

Models that fail:
${failures.map((failure) => `  ${failure.name.padEnd(25)}${failure.does}`).join('\n')}
`;

const flagsSchema = z.object({
  port: z.coerce.number().int().min(0).max(65_535).default(0),
  'api-key': z.string().min(1).optional(),
  'first-token-ms': z.coerce.number().min(0).default(realisticPace.firstTokenMs),
  'tokens-per-second': z.coerce.number().positive().default(realisticPace.tokensPerSecond),
  instant: z.boolean().default(false),
});

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string' },
      'api-key': { type: 'string' },
      'first-token-ms': { type: 'string' },
      'tokens-per-second': { type: 'string' },
      instant: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) {
    process.stdout.write(help);
    return;
  }
  const flags = flagsSchema.parse(values);
  const apiKey = flags['api-key'];
  const simulator = await startSimulator({
    port: flags.port,
    ...(apiKey !== undefined && { apiKey }),
    pace: flags.instant
      ? instantPace
      : {
          ...realisticPace,
          firstTokenMs: flags['first-token-ms'],
          tokensPerSecond: flags['tokens-per-second'],
        },
  });
  process.stdout.write(`model simulator ready at ${simulator.url}/v1\n`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void simulator.close());
  }
}

main().catch((error: unknown) => {
  const reason = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
  process.stderr.write(`The model simulator did not start: ${reason}\n`);
  process.exitCode = 1;
});
