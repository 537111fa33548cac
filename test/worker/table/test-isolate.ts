import type { ServedRevision } from '../../../contract/publish-api.ts';
import type { HubClient, LivingSignal, PollQuestion } from '../../../worker/table/hub-protocol.ts';
import { TablePickup, type PickupDependencies } from '../../../worker/table/pick-up.ts';
import type { ClusterTable } from '../../../worker/table/served-table.ts';
import { readTableSettings, type TableSettings } from '../../../worker/table/table-settings.ts';
import { CLUSTER, TEST_EDGE_VARIABLES } from './test-keys.ts';

export interface StorageCall {
  readonly store: 'hub' | 'kv' | 'cache';
  readonly method: string;
  readonly arguments: readonly unknown[];
}

/** An isolate's pick-up with a clock that stands still, and a count of every call to storage. */
export class TestIsolate {
  readonly pickup: TablePickup;
  readonly calls: StorageCall[] = [];
  /** What the hub said of inference services, by cluster. */
  readonly signals = new Map<string, { readonly signals: readonly LivingSignal[]; readonly saidAt: number }>();
  /** How often the event loop was let turn before going on. */
  turns = 0;
  readonly logged: { level: string; message: string; fields: Record<string, unknown> }[] = [];
  /** How many round trips came one after the other: those under way at the same time count once. */
  roundTrips = 0;
  time = 1_000_000;
  readonly #background: Promise<unknown>[] = [];
  #underWay = 0;

  constructor({ hub, kv, cache, settings }: Pick<PickupDependencies, 'hub' | 'kv' | 'cache' | 'settings'>) {
    this.pickup = new TablePickup({
      settings,
      hub: this.#counted('hub', hub),
      kv: this.#counted('kv', kv),
      ...(cache && { cache: this.#counted('cache', cache) }),
      log: (level, message, fields) => this.logged.push({ level, message, fields }),
      now: () => this.time,
      signals: { take: (cluster, signals, saidAt) => void this.signals.set(cluster, { signals, saidAt }) },
      sleep: (ms) => this.#sleep(ms),
      waitUntil: (promise) => this.#background.push(promise),
      newId: () => 'isolate-1',
    });
  }

  /** Everything that was started in the background has ended. */
  async settled(): Promise<void> {
    while (this.#background.length > 0) await Promise.allSettled(this.#background.splice(0));
  }

  /** What is served of one cluster. */
  serving(cluster = CLUSTER): ServedRevision {
    const found = this.pickup.served().clusters.find((served) => served.cluster === cluster);
    if (!found) throw new Error(`this isolate does not know the cluster ${cluster}`);
    return found;
  }

  /** The table of one cluster that requests meet now. */
  table(cluster = CLUSTER): ClusterTable {
    const table = this.pickup.current();
    if (!table) throw new Error('no table is served');
    return table.of(cluster);
  }

  /** Forgets the calls so far. */
  forget(): void {
    this.turns = 0;
    this.calls.length = 0;
    this.roundTrips = 0;
  }

  callsTo(store: StorageCall['store'], method: string): StorageCall[] {
    return this.calls.filter((call) => call.store === store && call.method === method);
  }

  #sleep(ms: number): Promise<void> {
    if (ms === 0) this.turns++;
    return new Promise((wake) => setTimeout(wake, ms));
  }

  #counted<T extends object>(store: StorageCall['store'], target: T): T {
    return new Proxy(target, {
      get: (_, method) => {
        const value: unknown = Reflect.get(target, method);
        if (typeof value !== 'function') return value;
        return async (...args: unknown[]): Promise<unknown> => {
          this.calls.push({ store, method: String(method), arguments: args });
          const answer: Promise<unknown> = Reflect.apply(value, target, args);
          if (isReport(method, args)) return answer;
          if (this.#underWay++ === 0) this.roundTrips++;
          try {
            return await answer;
          } finally {
            this.#underWay--;
          }
        };
      },
    });
  }
}

/** An isolate that serves already tells the hub so behind the request: nobody waits for that. */
function isReport(method: string | symbol, [question]: unknown[]): boolean {
  return (
    method === 'poll' &&
    isQuestion(question) &&
    Object.values(question.clusters).some(({ serving }) => serving !== null)
  );
}

function isQuestion(value: unknown): value is PollQuestion {
  return typeof value === 'object' && value !== null && 'clusters' in value;
}

export const testSettings = () => readTableSettings(TEST_EDGE_VARIABLES);

/** An edge that serves one cluster, as most do. */
export async function oneCluster(): Promise<TableSettings> {
  const settings = await testSettings();
  return { ...settings, clusters: settings.clusters.filter(({ trust }) => trust.name === CLUSTER) };
}

/** A hub that nobody can reach. */
export const unreachableHub: HubClient = {
  claimTerm: unreachable,
  missingBlobs: unreachable,
  putBlob: unreachable,
  getBlobs: unreachable,
  admit: unreachable,
  admitFromInbox: unreachable,
  state: unreachable,
  history: unreachable,
  evict: unreachable,
  takeSignals: unreachable,
  poll: unreachable,
};

async function unreachable(): Promise<never> {
  throw new Error('the hub is down');
}
