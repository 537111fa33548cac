import { Log, LogLevel, Miniflare, MiniflareCoreError, type MiniflareOptions } from 'miniflare';

/** What Miniflare is told of one workerd beyond what every workerd here has in common. */
export type WorkerdOptions = Pick<MiniflareOptions, 'workers' | 'handleStructuredLogs'> & WorkerdStorage;

export interface WorkerdStorage {
  /** Durable Objects, KV and cache; with `sharing` KV alone. */
  readonly folder: string;
  /** With other workerds: KV, which one of them keeps for all, and each other's Durable Objects by the worker's name. */
  readonly sharing?: {
    /** Where those that share find each other. */
    readonly registry: string;
    /** What is this workerd's alone: Durable Objects and cache. */
    readonly ownFolder: string;
  };
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

/**
 * A workerd on this machine, running. No look-up of a location, no telemetry, nothing on the terminal but what we write.
 *
 * @param port that the caller has it listen on, for the error
 * @throws {PortTaken}
 */
export async function startWorkerd(
  { folder, sharing, ...options }: WorkerdOptions,
  port: number | undefined,
): Promise<Miniflare> {
  const miniflare = withOwnSignalHandlers(
    () =>
      new Miniflare({
        host: '127.0.0.1',
        cf: false,
        telemetry: { enabled: false },
        logRequests: false,
        log: new Log(LogLevel.NONE),
        resourcePersistencePath: folder,
        ...(sharing === undefined
          ? { enableDevRegistry: false }
          : {
              enableDevRegistry: true,
              unsafeDevRegistryPath: sharing.registry,
              unsafeEnableSharedStorage: true,
              isolatedResourcePersistencePath: sharing.ownFolder,
            }),
        ...options,
      }),
  );
  try {
    await miniflare.ready;
    return miniflare;
  } catch (error) {
    await miniflare.dispose().catch(() => undefined);
    if (port !== undefined && error instanceof MiniflareCoreError && error.code === 'ERR_ADDRESS_IN_USE')
      throw new PortTaken(port);
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
