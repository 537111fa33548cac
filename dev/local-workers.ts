import type { MiniflareOptions } from 'miniflare';
import type { WorkerSettings } from './worker-settings.ts';

/** The workers of a local edge, as Miniflare is told of them. */

type LocalWorker = MiniflareOptions['workers'][number];

/** What the edge runs. */
export interface Deployment {
  /** Variables and secrets. */
  readonly vars: Readonly<Record<string, string>>;
  /** The bundle. */
  readonly script: string;
  /** Further bindings, as stand-ins for what Cloudflare has and this machine has not. */
  readonly bindings?: LocalBindings | undefined;
}

export type LocalBindings = NonNullable<LocalWorker['config']>['env'];

export interface LocalEdgeWorker extends Deployment {
  readonly name: string;
  /** The worker whose Durable Object is the hub: this one, or one of another workerd. */
  readonly hubWorker: string;
  /** Absent: it is not asked by HTTP. */
  readonly port?: number;
  readonly settings: WorkerSettings;
}

const NETWORK_GATE = 'network-gate';
const KV_BINDING = 'TABLE_KV';

export function edgeWorkers(worker: LocalEdgeWorker): LocalWorker[] {
  const { name, hubWorker, vars, script, bindings = {}, settings, port } = worker;
  const texts = Object.entries(vars).map(([key, value]) => [key, { type: 'text' as const, value }] as const);
  return [
    {
      config: {
        name,
        compatibilityDate: settings.compatibilityDate,
        compatibilityFlags: [...settings.compatibilityFlags],
        manifest: { mainModule: 'index.js', modules: { 'index.js': { type: 'esm', contents: script } } },
        env: {
          ...bindings,
          ...Object.fromEntries(texts),
          [KV_BINDING]: { type: 'kv', id: 'table' },
          TABLE_HUB: { type: 'durable-object', worker: hubWorker, exportName: 'TableHub' },
        },
        ...(hubWorker === name && { exports: { TableHub: { type: 'durable-object', storage: 'sqlite' } } }),
      },
      dev: {
        outboundService: { type: 'worker', worker: NETWORK_GATE },
        // Straight to the worker: Miniflare's own entry rewrites headers and decorates errors.
        ...(port !== undefined && { unsafeDirectSockets: [{ host: '127.0.0.1', port }] }),
        // Other workerds look for the hub alone.
        unsafeRegisterWorker: hubWorker === name,
      },
    },
    networkGate(settings.compatibilityDate),
  ];
}

/** A worker that only holds the binding to KV, for who tests the edge from the outside. */
export function storageWorker(name: string, { compatibilityDate }: WorkerSettings): LocalWorker {
  const script = 'export default { fetch: () => new Response(null, { status: 404 }) };';
  return {
    config: {
      name,
      compatibilityDate,
      manifest: { mainModule: 'storage.js', modules: { 'storage.js': { type: 'esm', contents: script } } },
      env: { [KV_BINDING]: { type: 'kv', id: 'table' } },
    },
    dev: { unsafeRegisterWorker: false },
  };
}

/**
 * Through which the worker's requests leave: public addresses and this machine's own, whatever a host name resolves to.
 * The rest of a developer's network (10.0.0.0/8, link-local metadata services and the like) is out of reach.
 */
function networkGate(compatibilityDate: string): LocalWorker {
  const script = 'export default { fetch: (request, env) => env.NETWORK.fetch(request) };';
  return {
    config: {
      name: NETWORK_GATE,
      compatibilityDate,
      compatibilityFlags: ['enable_request_signal'],
      manifest: { mainModule: 'gate.js', modules: { 'gate.js': { type: 'esm', contents: script } } },
      env: { NETWORK: { type: 'network', allow: ['public', 'local'], tlsOptions: { trustBrowserCas: true } } },
    },
    dev: { unsafeRegisterWorker: false },
  };
}
