import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { AGENT_NAME } from './agent-name.ts';
import { LOG_LEVELS } from './log.ts';

const name = (what: string) =>
  z
    .string()
    .regex(
      /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/,
      `must be the name of ${what}: lower-case letters, digits and hyphens`,
    );

const settings = z.strictObject({
  /** Folder of YAML and JSON files; absent: a cluster. */
  sourceDir: z.string().min(1, 'must not be empty').optional(),
  /** What the edge pins the cluster by, of a folder; a cluster has one of its own. */
  clusterUid: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,64}$/, 'must be letters, digits and hyphens, at most 64')
    .default('directory'),
  kubeconfig: z.string().min(1, 'must not be empty').optional(),
  context: z.string().min(1, 'must not be empty').optional(),
  /** The agent's own; absent: that of the pod or the kubeconfig's context. */
  namespace: name('a namespace').optional(),
  leaseName: name('a Lease').default(AGENT_NAME),
  secretReader: name('a ClusterRole').default('fairlead-secret-reader'),
  podName: z.string().min(1, 'must not be empty').max(253, 'must be at most 253 characters').optional(),
  /** Absent: all. */
  watchNamespaces: z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim()))
    .pipe(z.array(name('namespaces, with commas between')).min(1))
    .optional(),
  /** Absent: nothing is served. */
  httpAddress: z
    .string()
    .regex(/^(\[[0-9a-f:]+\]|[^:\s]*):\d{1,5}$/i, 'must be HOST:PORT, such as 0.0.0.0:8080')
    .transform(addressOf)
    .refine(({ port }) => port <= 65_535, 'must have a port of at most 65535')
    .optional(),
  signals: z.enum(['Pods', 'Prometheus', 'Off'], 'must be one of Pods, Prometheus, Off').default('Pods'),
  signalsSeconds: z.coerce
    .number('must be a number of seconds')
    .min(1, 'must be at least 1')
    .max(20, 'must be at most 20')
    .default(5),
  prometheusURL: z
    .url({ protocol: /^https?$/, error: 'must be a URL such as http://prometheus.monitoring:9090' })
    .transform((url) => url.replace(/\/+$/, ''))
    .optional(),
  /** File with a token that may read metrics and nothing else. */
  pickerTokenFile: z.string().min(1, 'must not be empty').optional(),
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

function addressOf(text: string): { readonly host: string; readonly port: number } {
  const colon = text.lastIndexOf(':');
  const host = text.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return { host: host === '' ? '0.0.0.0' : host, port: Number(text.slice(colon + 1)) };
}

type Settings = z.output<typeof settings>;

/** What holds wherever the resources are. */
export type CommonConfig = Pick<Settings, 'logLevel' | 'resyncSeconds' | 'cloudflareAPI' | 'httpAddress'>;

export type DirectoryConfig = CommonConfig & {
  readonly type: 'Directory';
  readonly sourceDir: string;
  readonly clusterUid: string;
};

export type ClusterConfig = CommonConfig &
  Omit<Settings, 'sourceDir' | 'clusterUid' | 'podName'> & { readonly type: 'Cluster'; readonly podName: string };

export type AgentConfig = DirectoryConfig | ClusterConfig;

const FLAGS = {
  sourceDir: { flag: 'source-dir', variable: 'FAIRLEAD_SOURCE_DIR' },
  clusterUid: { flag: 'cluster-uid', variable: 'FAIRLEAD_CLUSTER_UID' },
  kubeconfig: { flag: 'kubeconfig', variable: 'FAIRLEAD_KUBECONFIG' },
  context: { flag: 'context', variable: 'FAIRLEAD_CONTEXT' },
  namespace: { flag: 'namespace', variable: 'FAIRLEAD_NAMESPACE' },
  leaseName: { flag: 'lease-name', variable: 'FAIRLEAD_LEASE_NAME' },
  secretReader: { flag: 'secret-reader', variable: 'FAIRLEAD_SECRET_READER' },
  podName: { flag: 'pod-name', variable: 'POD_NAME' },
  watchNamespaces: { flag: 'watch-namespaces', variable: 'FAIRLEAD_WATCH_NAMESPACES' },
  httpAddress: { flag: 'http-address', variable: 'FAIRLEAD_HTTP_ADDRESS' },
  signals: { flag: 'signals', variable: 'FAIRLEAD_SIGNALS' },
  signalsSeconds: { flag: 'signals-seconds', variable: 'FAIRLEAD_SIGNALS_SECONDS' },
  prometheusURL: { flag: 'prometheus-url', variable: 'FAIRLEAD_PROMETHEUS_URL' },
  pickerTokenFile: { flag: 'picker-token-file', variable: 'FAIRLEAD_PICKER_TOKEN_FILE' },
  logLevel: { flag: 'log-level', variable: 'FAIRLEAD_LOG_LEVEL' },
  resyncSeconds: { flag: 'resync-seconds', variable: 'FAIRLEAD_RESYNC_SECONDS' },
  cloudflareAPI: { flag: 'cloudflare-api', variable: 'FAIRLEAD_CLOUDFLARE_API' },
} as const satisfies Record<keyof Settings, { flag: string; variable: string }>;

export const USAGE = `Keeps edges as the resources of a cluster, or of a folder, say.

  node sync-agent/main.ts [options]

In a pod it reads the cluster that the pod runs in; elsewhere one of these says what it reads:
  --source-dir DIR         folder of YAML and JSON files, watched             FAIRLEAD_SOURCE_DIR
  --kubeconfig FILE        the cluster of a kubeconfig                        FAIRLEAD_KUBECONFIG, KUBECONFIG
  --context NAME           a context of the kubeconfig                        FAIRLEAD_CONTEXT

Of a cluster:
  --namespace NS           where its Lease is (that of the pod or context)    FAIRLEAD_NAMESPACE
  --lease-name NAME        by which one of several leads (fairlead-sync-agent) FAIRLEAD_LEASE_NAME
  --secret-reader ROLE     the ClusterRole that owners of namespaces bind
                           to it (fairlead-secret-reader)                     FAIRLEAD_SECRET_READER
  --pod-name NAME          what it is called in Lease and Events (hostname)   POD_NAME
  --watch-namespaces A,B   read these namespaces only (all)                   FAIRLEAD_WATCH_NAMESPACES
  --signals HOW            learn the load of inference services from Pods,
                           from Prometheus, or Off (Pods)                     FAIRLEAD_SIGNALS
  --signals-seconds N      how often (5)                                      FAIRLEAD_SIGNALS_SECONDS
  --prometheus-url URL     for --signals Prometheus                           FAIRLEAD_PROMETHEUS_URL
  --picker-token-file FILE a token for endpoint pickers that may read metrics
                           and nothing else (none)                            FAIRLEAD_PICKER_TOKEN_FILE

Of a folder:
  --cluster-uid UID        what the edge pins the cluster by (directory)      FAIRLEAD_CLUSTER_UID

Of both:
  --http-address HOST:PORT serve /healthz, /readyz and /metrics there (none)  FAIRLEAD_HTTP_ADDRESS
  --log-level LEVEL        debug, info, warn or error (info)                  FAIRLEAD_LOG_LEVEL
  --resync-seconds N       how often the edge is looked at without need (30)  FAIRLEAD_RESYNC_SECONDS
  --cloudflare-api URL     where Cloudflare's API stands, for a proxy         FAIRLEAD_CLOUDFLARE_API
  --help                   this text

A flag goes before its variable. The log goes to standard output, one JSON object a line. Passes are traced to where
OTEL_EXPORTER_OTLP_ENDPOINT says.
Exit codes: 0 stopped by a signal, 1 failed, 2 wrong use, 3 superseded at the edge by another agent, 4 lost the Lease.
After 1, 3 and 4 it is to be started again.
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
  const given = names.map(([key, { flag, variable }]) => [key, flags[flag] ?? env[variable]] as const);
  const parsed = settings.safeParse(Object.fromEntries(given.filter(([, value]) => value !== undefined)));
  if (parsed.success) return chosen(parsed.data, env);
  const lines = parsed.error.issues.map(({ path, message }) => {
    const [, source] = names.find(([key]) => key === path[0]) ?? [];
    return source ? `--${source.flag} (${source.variable}) ${message}` : message;
  });
  throw new ConfigError(lines.join('\n'));
}

/** A kubeconfig that merely lies about is not meant: this changes what edges serve. */
function chosen(settings: Settings, env: Readonly<Record<string, string | undefined>>): AgentConfig {
  const { sourceDir, clusterUid, podName = hostname(), ...rest } = settings;
  const { logLevel, resyncSeconds, cloudflareAPI, httpAddress, kubeconfig, context } = rest;
  if (sourceDir !== undefined) {
    if (kubeconfig !== undefined || context !== undefined)
      throw new ConfigError('--source-dir reads a folder: leave out --kubeconfig and --context, which name a cluster');
    return { type: 'Directory', sourceDir, clusterUid, logLevel, resyncSeconds, cloudflareAPI, httpAddress };
  }
  const isPod = Boolean(env['KUBERNETES_SERVICE_HOST']);
  if (!isPod && kubeconfig === undefined && context === undefined && !env['KUBECONFIG'])
    throw new ConfigError(
      '--source-dir (FAIRLEAD_SOURCE_DIR) is required, or --kubeconfig or --context: this is no pod, whose cluster would be meant',
    );
  if (rest.signals === 'Prometheus' && rest.prometheusURL === undefined)
    throw new ConfigError('--prometheus-url (FAIRLEAD_PROMETHEUS_URL) is required for --signals Prometheus');
  return { type: 'Cluster', ...rest, podName };
}

function parseFlags(args: readonly string[]): Readonly<Record<string, string | boolean | undefined>> {
  const value = { type: 'string' } as const;
  const options = Object.fromEntries(Object.values(FLAGS).map(({ flag }) => [flag, value]));
  try {
    return parseArgs({ args: [...args], options: { ...options, help: { type: 'boolean', short: 'h' } } }).values;
  } catch (error) {
    throw new ConfigError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
