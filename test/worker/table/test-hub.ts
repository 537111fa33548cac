import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { SCHEMA_VERSION } from '../../../contract/schema-version.ts';
import type { Refusal } from '../../../contract/publish-api.ts';
import type { Generation } from '../../../contract/routing-table.ts';
import { HUB_NAME } from '../../../contract/storage-keys.ts';
import type { HubStorage } from '../../../worker/table/hub-database.ts';
import { Hub, type HubDependencies } from '../../../worker/table/hub.ts';
import type { PollQuestion, Refused } from '../../../worker/table/hub-protocol.ts';
import { readTableSettings } from '../../../worker/table/table-settings.ts';
import { TWO_CLUSTER_VARIABLES } from './test-keys.ts';

/** What an isolate asks that serves these revisions, by cluster; null: it holds none. */
export function question(
  serving: Readonly<Record<string, string | null>>,
  change: Partial<PollQuestion> = {},
  generation: Generation = { term: 1, sequence: 1 },
): PollQuestion {
  const reports = Object.entries(serving).map(([cluster, revision]) => [
    cluster,
    { serving: revision === null ? null : { revision, generation } },
  ]);
  return {
    isolate: 'i1',
    knownSchemaVersions: [SCHEMA_VERSION],
    knownFeatures: [],
    clusters: Object.fromEntries(reports),
    ...change,
  };
}

export const settingsOf = (variables: Partial<typeof TWO_CLUSTER_VARIABLES> = {}) =>
  readTableSettings({ ...TWO_CLUSTER_VARIABLES, ...variables });

/** A hub with a clock that stands still, an alarm that rings when a test says so, and a KV namespace in memory. */
export class TestHub {
  readonly hub: Hub;
  readonly logged: { readonly level: string; readonly message: string; readonly fields: object }[] = [];
  readonly kv = new Map<string, string | Uint8Array>();
  time = Date.parse('2026-01-01T00:00:00Z');
  alarm: number | null = null;

  constructor({
    storage,
    ...dependencies
  }: { readonly storage: HubStorage } & Pick<HubDependencies, 'settings'> & Partial<Omit<HubDependencies, 'storage'>>) {
    this.hub = new Hub({
      storage: {
        sql: storage.sql,
        transactionSync: (write) => storage.transactionSync(write),
        getAlarm: async () => this.alarm,
        setAlarm: async (time) => {
          this.alarm = Number(time);
        },
      },
      kv: {
        get: async (key: string) => {
          const value = this.kv.get(key);
          return typeof value === 'string' ? value : null;
        },
        put: async (key: string, value: unknown) => {
          if (typeof value === 'string' || value instanceof Uint8Array) this.kv.set(key, value);
        },
        delete: async (key: string) => void this.kv.delete(key),
      },
      inboxes: {},
      log: (level, message, fields) => this.logged.push({ level, message, fields }),
      now: () => this.time,
      random: () => 0.5,
      ...dependencies,
    });
  }

  /** The alarm rings. */
  async wake(): Promise<void> {
    this.alarm = null;
    await this.hub.alarm();
  }
}

interface HubOptions extends Partial<Omit<HubDependencies, 'storage' | 'settings'>> {
  readonly variables?: Partial<typeof TWO_CLUSTER_VARIABLES>;
  readonly storage?: (actual: HubStorage) => HubStorage;
}

/** Gives a new hub over the storage of the tests' Durable Object, which stays what it was between calls. */
export async function withHub<T>(
  use: (test: TestHub) => Promise<T>,
  { variables = {}, storage = (actual) => actual, ...dependencies }: HubOptions = {},
): Promise<T> {
  const settings = await settingsOf(variables);
  return runInDurableObject(env.TABLE_HUB.getByName(HUB_NAME), (_, state) =>
    use(new TestHub({ settings, storage: storage(state.storage), ...dependencies })),
  );
}

export function refused(outcome: object | string): Refusal {
  if (typeof outcome === 'string' || !isRefused(outcome))
    throw new Error(`expected a refusal, got ${JSON.stringify(outcome)}`);
  return outcome.refused;
}

function isRefused(outcome: object): outcome is Refused {
  return 'refused' in outcome;
}
