import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Miniflare } from 'miniflare';
import { bundleWorker } from './bundle-worker.ts';
import { edgeKv, type EdgeKv } from './edge-kv.ts';
import { findFreePort } from './find-free-port.ts';
import { edgeWorkers, storageWorker, type Deployment, type LocalBindings } from './local-workers.ts';
import { startWorkerd, type WorkerdOptions, type WorkerdStorage } from './workerd-process.ts';
import { readWorkerSettings, type WorkerSettings } from './worker-settings.ts';

export { PortTaken } from './workerd-process.ts';

/** The worker in real workerd on this machine. */
export interface EdgeOptions {
  /** 0 takes a free port. */
  readonly port: number;
  /** Variables and secrets, for the origin that the edge will have. */
  readonly vars: (origin: string) => Readonly<Record<string, string>>;
  /** Called for every line that the worker, or workerd itself, writes. */
  readonly onLog?: (line: EdgeLogLine) => void;
  /** Keeps the hub's and KV's content across processes; absent: a temporary folder, removed by `dispose`. */
  readonly storageFolder?: string;
  /** What to run; absent: worker/index.ts as it stands. */
  readonly script?: string;
  /** Further bindings of the worker. */
  readonly bindings?: LocalBindings;
  /**
   * How many isolates serve, each on a port of its own, 1 by default. With more than one the hub, KV and each isolate
   * are processes of their own, as they are machines of their own at Cloudflare.
   */
  readonly isolates?: number;
}

export interface EdgeLogLine {
  readonly level: string;
  readonly message: string;
}

export interface Edge {
  /** Origin, such as `http://127.0.0.1:8787`: the first isolate's, and the endpoint to publish to. */
  readonly url: string;
  readonly port: number;
  /** Origins of all isolates. */
  readonly urls: readonly string[];
  readonly kv: EdgeKv;
  /** Kills workerd, storage stays unless wiped; `start` brings the edge back on the same ports. */
  stop(options?: { wipe: boolean }): Promise<void>;
  start(): Promise<void>;
  /** Goes on with other variables or another bundle, as after a deployment; storage stays. */
  redeploy(changes: Partial<Deployment>): Promise<void>;
  dispose(): Promise<void>;
}

/** An edge each of whose processes can be killed alone. */
export interface EdgeInParts extends Edge {
  readonly hub: EdgePart;
  readonly isolates: readonly EdgePart[];
}

export interface EdgePart {
  readonly url: string;
  /** Kills the process; what it stores (the hub its tables, an isolate its Cache API) stays unless wiped. */
  stop(options?: { wipe: boolean }): Promise<void>;
  /** Brings it back on the same port, with other variables or another bundle where they are given. */
  start(changes?: Partial<Deployment>): Promise<void>;
}

/** @throws {PortTaken} */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  return (options.isolates ?? 1) > 1 ? startEdgeInParts(options) : startWholeEdge(options);
}

/** @throws {PortTaken} */
async function startWholeEdge(options: EdgeOptions): Promise<Edge> {
  const ground = await prepare(options, 1);
  const { folder, url, port } = ground;
  const all = edgePart({ ground, name: 'fairlead', hubWorker: 'fairlead', url, port, storage: { folder } });
  return startOrDispose({
    url,
    port,
    urls: [url],
    kv: edgeKv(() => all.running(), 'fairlead'),
    start: () => all.start(),
    stop: (how) => all.stop(how),
    async redeploy(changes) {
      await all.stop();
      await all.start(changes);
    },
    dispose: () => all.stop({ wipe: options.storageFolder === undefined }),
  });
}

/**
 * Hub, KV and each isolate in a workerd of its own, `isolates` of the last.
 *
 * @throws {PortTaken}
 */
export async function startEdgeInParts(options: EdgeOptions): Promise<EdgeInParts> {
  const count = options.isolates ?? 2;
  const ground = await prepare(options, count + 1);
  const { folder, url, port, furtherPorts } = ground;
  const registry = join(folder, 'registry');
  const part = (name: string, partPort: number): RunningPart => {
    const sharing = { registry, ownFolder: join(folder, name) };
    const storage = { folder: join(folder, 'kv'), sharing };
    return edgePart({ ground, name, hubWorker: 'hub', url: originOf(partPort), port: partPort, storage });
  };
  const [hubPort = 0, ...isolatePorts] = furtherPorts;
  const hub = part('hub', hubPort);
  const isolates = [port, ...isolatePorts].map((isolatePort, index) => part(`isolate-${index + 1}`, isolatePort));
  // Of those that share KV the oldest keeps it: one that nobody kills alone.
  const keeper = keptWorkerd({ folder: join(folder, 'kv'), sharing: { registry, ownFolder: join(folder, 'keeper') } });
  const parts = [hub, ...isolates];

  /** The hub first: isolates that do not find it wait before they look again. */
  const startParts = async (changes?: Partial<Deployment>): Promise<void> => {
    await hub.start(changes);
    await Promise.all(isolates.map((isolate) => isolate.start(changes)));
  };
  const stop = async ({ wipe } = { wipe: false }): Promise<void> => {
    await Promise.all([...parts.map((each) => each.stop()), keeper.stop()]);
    if (wipe) await remove(folder);
  };
  return startOrDispose({
    url,
    port,
    urls: isolates.map((isolate) => isolate.url),
    kv: edgeKv(() => keeper.running(), 'keeper'),
    hub,
    isolates,
    async start() {
      await keeper.start({ workers: [storageWorker('keeper', ground.settings)] });
      await startParts();
    },
    stop,
    async redeploy(changes) {
      await Promise.all(parts.map((each) => each.stop()));
      await startParts(changes);
    },
    dispose: () => stop({ wipe: options.storageFolder === undefined }),
  });
}

/** What all processes of an edge have in common. */
interface Ground extends Pick<EdgeOptions, 'onLog'> {
  readonly folder: string;
  readonly url: string;
  readonly port: number;
  readonly furtherPorts: readonly number[];
  readonly settings: WorkerSettings;
  readonly deployment: Deployment;
}

async function prepare(options: EdgeOptions, ports: number): Promise<Ground> {
  const [script, settings, free] = await Promise.all([
    options.script ?? bundleWorker(),
    readWorkerSettings(),
    Promise.all(Array.from({ length: ports }, () => findFreePort())),
  ]);
  const [first = 0, ...furtherPorts] = free;
  const port = options.port === 0 ? first : options.port;
  const url = originOf(port);
  const folder = options.storageFolder ?? (await mkdtemp(join(tmpdir(), 'fairlead-edge-')));
  const deployment = { vars: options.vars(url), script, bindings: options.bindings };
  return { folder, url, port, furtherPorts, settings, deployment, ...(options.onLog && { onLog: options.onLog }) };
}

interface RunningPart extends EdgePart {
  running(): Miniflare | undefined;
}

interface PartOptions {
  readonly ground: Ground;
  readonly name: string;
  readonly hubWorker: string;
  readonly url: string;
  readonly port: number;
  readonly storage: WorkerdStorage;
}

function edgePart({ ground, name, hubWorker, url, port, storage }: PartOptions): RunningPart {
  const { settings, onLog } = ground;
  let { deployment } = ground;
  const workerd = keptWorkerd(storage);
  return {
    url,
    running: () => workerd.running(),
    stop: (how) => workerd.stop(how),
    async start(changes) {
      deployment = { ...deployment, ...changes };
      const workers = edgeWorkers({ ...deployment, name, hubWorker, port, settings });
      await workerd.start({ workers, handleStructuredLogs: ({ level, message }) => onLog?.({ level, message }) }, port);
    },
  };
}

/** A workerd that is stopped and started again on the same storage. */
function keptWorkerd(storage: WorkerdStorage) {
  let running: Miniflare | undefined;
  return {
    running: () => running,
    async start(options: Omit<WorkerdOptions, keyof WorkerdStorage>, port?: number): Promise<void> {
      running ??= await startWorkerd({ ...options, ...storage }, port);
    },
    async stop({ wipe } = { wipe: false }): Promise<void> {
      const stopping = running;
      running = undefined;
      await stopping?.dispose();
      if (wipe) await remove(storage.sharing?.ownFolder ?? storage.folder);
    },
  };
}

async function startOrDispose<E extends Edge>(edge: E): Promise<E> {
  try {
    await edge.start();
    return edge;
  } catch (error) {
    await edge.dispose();
    throw error;
  }
}

function originOf(port: number): string {
  return `http://127.0.0.1:${port}`;
}

function remove(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true });
}
