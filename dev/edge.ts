import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Log, LogLevel, Miniflare, MiniflareCoreError, type MiniflareOptions } from 'miniflare';
import { bundleWorker } from './bundle-worker.ts';
import { findFreePort } from './find-free-port.ts';
import { readWorkerSettings, type WorkerSettings } from './worker-settings.ts';

/**
 * The worker in a real workerd on this machine. Nothing else imports Miniflare: the options of its version 5 still
 * move.
 */
export interface EdgeOptions {
  /** 0 takes a free port. */
  readonly port: number;
  /** Variables and secrets, for the origin that the edge will have. */
  readonly vars: (origin: string) => Readonly<Record<string, string>>;
  /** Called for every line that the worker, or workerd itself, writes. */
  readonly onLog?: (line: EdgeLogLine) => void;
  /** Keeps the hub's and KV's content across processes; absent: a temporary folder, removed by `dispose`. */
  readonly storageFolder?: string;
}

export interface EdgeLogLine {
  readonly level: string;
  readonly message: string;
}

export interface Edge {
  /** Origin, such as `http://127.0.0.1:8787`. */
  readonly url: string;
  readonly port: number;
  /** Kills workerd, storage stays unless wiped; `start` brings the edge back on the same port. */
  stop(options?: { wipe: boolean }): Promise<void>;
  start(): Promise<void>;
  dispose(): Promise<void>;
}

/** The port is another process's. */
export class PortTaken extends Error {
  override name = 'PortTaken';
  readonly port: number;
  constructor(port: number) {
    super(`port ${port} on 127.0.0.1 is taken by another process`);
    this.port = port;
  }
}

const WORKER = 'fairlead';
const NETWORK_GATE = 'network-gate';

/** @throws {PortTaken} */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const [script, settings] = await Promise.all([bundleWorker(), readWorkerSettings()]);
  const port = options.port === 0 ? await findFreePort() : options.port;
  const url = `http://127.0.0.1:${port}`;
  const storageFolder = options.storageFolder ?? (await mkdtemp(join(tmpdir(), 'fairlead-edge-')));
  const miniflareOptions = toMiniflareOptions({ ...options, port, storageFolder, url, script, settings });

  let running: Miniflare | undefined;
  const start = async (): Promise<void> => {
    running ??= await startMiniflare(miniflareOptions, port);
  };
  const stop = async ({ wipe } = { wipe: false }): Promise<void> => {
    const stopping = running;
    running = undefined;
    await stopping?.dispose();
    if (wipe) await rm(storageFolder, { recursive: true, force: true });
  };
  const dispose = (): Promise<void> => stop({ wipe: options.storageFolder === undefined });

  await start().catch(async (error: unknown) => {
    await dispose();
    throw error;
  });
  return { url, port, start, stop, dispose };
}

async function startMiniflare(options: MiniflareOptions, port: number): Promise<Miniflare> {
  const miniflare = withOwnSignalHandlers(() => new Miniflare(options));
  try {
    await miniflare.ready;
    return miniflare;
  } catch (error) {
    await miniflare.dispose().catch(() => undefined);
    if (error instanceof MiniflareCoreError && error.code === 'ERR_ADDRESS_IN_USE') throw new PortTaken(port);
    throw error;
  }
}

/**
 * Miniflare ends the process on a signal, with 130 and without waiting for anybody. Where the process handles a signal
 * itself, that is its own to decide.
 */
function withOwnSignalHandlers<T>(construct: () => T): T {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const before = signals.map((signal) => new Set(process.listeners(signal)));
  const constructed = construct();
  signals.forEach((signal, index) => {
    const own = before[index];
    if (own === undefined || own.size === 0) return;
    for (const listener of process.listeners(signal)) if (!own.has(listener)) process.off(signal, listener);
  });
  return constructed;
}

interface WorkerOnPort extends EdgeOptions {
  readonly url: string;
  readonly storageFolder: string;
  readonly script: string;
  readonly settings: WorkerSettings;
}

function toMiniflareOptions({
  port,
  url,
  vars,
  onLog,
  storageFolder,
  script,
  settings,
}: WorkerOnPort): MiniflareOptions {
  const texts = Object.entries(vars(url)).map(([name, value]) => [name, { type: 'text' as const, value }] as const);
  return {
    host: '127.0.0.1',
    // No look-up of a location, no registry of workers, no telemetry, nothing on the terminal but what we write.
    cf: false,
    enableDevRegistry: false,
    telemetry: { enabled: false },
    logRequests: false,
    log: new Log(LogLevel.NONE),
    handleStructuredLogs: ({ level, message }) => onLog?.({ level, message }),
    resourcePersistencePath: storageFolder,
    workers: [
      {
        config: {
          name: WORKER,
          compatibilityDate: settings.compatibilityDate,
          compatibilityFlags: [...settings.compatibilityFlags],
          manifest: { mainModule: 'index.js', modules: { 'index.js': { type: 'esm', contents: script } } },
          env: {
            ...Object.fromEntries(texts),
            TABLE_KV: { type: 'kv', id: 'table' },
            TABLE_HUB: { type: 'durable-object', worker: WORKER, exportName: 'TableHub' },
          },
          exports: { TableHub: { type: 'durable-object', storage: 'sqlite' } },
        },
        dev: {
          outboundService: { type: 'worker', worker: NETWORK_GATE },
          // Straight to the worker: Miniflare's own entry rewrites headers and decorates errors.
          unsafeDirectSockets: [{ host: '127.0.0.1', port }],
        },
      },
      networkGate(settings.compatibilityDate),
    ],
  };
}

/**
 * Through which the worker's requests leave: public addresses and this machine's own, whatever a host name resolves to.
 * The rest of a developer's network (10.0.0.0/8, link-local metadata services and the like) is out of reach.
 */
function networkGate(compatibilityDate: string): MiniflareOptions['workers'][number] {
  const script = 'export default { fetch: (request, env) => env.NETWORK.fetch(request) };';
  return {
    config: {
      name: NETWORK_GATE,
      compatibilityDate,
      compatibilityFlags: ['enable_request_signal'],
      manifest: { mainModule: 'gate.js', modules: { 'gate.js': { type: 'esm', contents: script } } },
      env: { NETWORK: { type: 'network', allow: ['public', 'local'], tlsOptions: { trustBrowserCas: true } } },
    },
  };
}
