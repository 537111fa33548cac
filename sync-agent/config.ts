import { parseArgs } from 'node:util';
import { z } from 'zod';
import { LOG_LEVELS } from './log.ts';

const config = z.strictObject({
  /** Folder of YAML and JSON files. */
  sourceDir: z.string({ error: 'is required' }).min(1, 'must not be empty'),
  /** What the edge pins the cluster by. */
  clusterUid: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,64}$/, 'must be letters, digits and hyphens, at most 64')
    .default('directory'),
  logLevel: z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`).default('info'),
  resyncSeconds: z.coerce
    .number('must be a number of seconds')
    .min(1, 'must be at least 1')
    .max(3600, 'must be at most 3600')
    .default(30),
  /** Where Cloudflare's API stands, for proxies and tests. */
  cloudflareAPI: z
    .url({ protocol: /^https?$/, error: 'must be a URL such as https://api.cloudflare.com/client/v4' })
    .refine(isSafe, 'must be https: what goes there carries an API token; http is for this machine only')
    .transform((url) => url.replace(/\/+$/, ''))
    .optional(),
});

function isSafe(text: string): boolean {
  const url = URL.parse(text);
  return url?.protocol === 'https:' || ['localhost', '127.0.0.1', '[::1]'].includes(url?.hostname ?? '');
}

export type AgentConfig = z.output<typeof config>;

const FLAGS = {
  sourceDir: { flag: 'source-dir', variable: 'FAIRLEAD_SOURCE_DIR' },
  clusterUid: { flag: 'cluster-uid', variable: 'FAIRLEAD_CLUSTER_UID' },
  logLevel: { flag: 'log-level', variable: 'FAIRLEAD_LOG_LEVEL' },
  resyncSeconds: { flag: 'resync-seconds', variable: 'FAIRLEAD_RESYNC_SECONDS' },
  cloudflareAPI: { flag: 'cloudflare-api', variable: 'FAIRLEAD_CLOUDFLARE_API' },
} as const satisfies Record<keyof AgentConfig, { flag: string; variable: string }>;

export const USAGE = `Keeps an edge as a folder of resources says.

  node sync-agent/main.ts --source-dir DIR [options]

  --source-dir DIR       folder of YAML and JSON files, watched             FAIRLEAD_SOURCE_DIR
  --cluster-uid UID      what the edge pins the cluster by (directory)      FAIRLEAD_CLUSTER_UID
  --log-level LEVEL      debug, info, warn or error (info)                  FAIRLEAD_LOG_LEVEL
  --resync-seconds N     how often the edge is looked at without need (30)  FAIRLEAD_RESYNC_SECONDS
  --cloudflare-api URL   where Cloudflare's API stands, for a proxy          FAIRLEAD_CLOUDFLARE_API
  --help                 this text

A flag goes before its variable. The log goes to standard output, one JSON object a line.
Exit codes: 0 stopped by a signal, 1 failed, 2 wrong use, 3 superseded by another agent.
`;

export class ConfigError extends Error {
  override name = 'ConfigError';
}

/** @throws {ConfigError} with a line for each thing that is wrong */
export function readConfig(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): AgentConfig | 'help' {
  const flags = parseFlags(args);
  if (flags['help'] === true) return 'help';
  const names = Object.entries(FLAGS);
  const given = names.map(([name, { flag, variable }]) => [name, flags[flag] ?? env[variable]] as const);
  const parsed = config.safeParse(Object.fromEntries(given.filter(([, value]) => value !== undefined)));
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map(({ path, message }) => {
    const [, source] = names.find(([name]) => name === path[0]) ?? [];
    return source ? `--${source.flag} (${source.variable}) ${message}` : message;
  });
  throw new ConfigError(lines.join('\n'));
}

function parseFlags(args: readonly string[]): Readonly<Record<string, string | boolean | undefined>> {
  const value = { type: 'string' } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        'source-dir': value,
        'cluster-uid': value,
        'log-level': value,
        'resync-seconds': value,
        'cloudflare-api': value,
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new ConfigError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
