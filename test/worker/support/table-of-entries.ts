import { toHex } from '../../../contract/encoding.ts';
import { compareMatches, matchesOf } from '../../../contract/route-match.ts';
import type {
  BackendEntry,
  ConsumerEntry,
  ModelEntry,
  ProviderEntry,
  RouteEntry,
  SecretEntry,
} from '../../../contract/routing-table.ts';
import type { ClusterTable, ServedConsumer } from '../../../worker/table/served-table.ts';

export interface Entries {
  readonly routes: Readonly<Record<string, RouteEntry>>;
  readonly models: Readonly<Record<string, ModelEntry>>;
  readonly providers: Readonly<Record<string, ProviderEntry>>;
  /** By the SHA-256 of their keys. */
  readonly consumers?: Readonly<Record<string, ConsumerEntry>>;
  readonly secrets?: Readonly<Record<string, SecretEntry>>;
}

/** A table that is held in memory as it is. */
export function tableOfEntries(entries: Entries, revision = 'abcdef012345', cluster = 'prod'): ClusterTable {
  const { routes, models, providers, consumers = {}, secrets = {} } = entries;
  const claims = Object.entries(routes)
    .flatMap(([id, route]) => matchesOf(id, route).map((match) => ({ ...match, cluster, route })))
    .toSorted(compareMatches);
  const table: ClusterTable = {
    cluster,
    revision,
    generation: { term: 1, sequence: 1 },
    get clusters() {
      return [table];
    },
    unavailable: [],
    of: () => table,
    claims: () => claims,
    claimsOn: (model) => claims.filter(({ route }) => Object.hasOwn(route.models, model)),
    model: (id) => models[id],
    provider: (id) => providers[id],
    secret: (id) => secrets[id],
    hasKey: (digest) => Object.hasOwn(consumers, toHex(digest)),
    consumer(digest) {
      const consumer = consumers[digest];
      return consumer && { ...consumer, cluster };
    },
  };
  return table;
}

/** A consumer as a table gives it. */
export function servedConsumer(changes: Partial<ServedConsumer> = {}): ServedConsumer {
  return { ...consumerEntry(), cluster: 'prod', ...changes };
}

export function routeEntry(changes: Partial<RouteEntry> = {}): RouteEntry {
  return {
    hostnames: [],
    pathPrefix: '/',
    headers: [],
    models: { demo: 'default/demo' },
    authentication: 'Key',
    consumers: '*',
    onClientAbort: 'Abort',
    timeouts: {},
    created: '2026-01-01T00:00:00Z',
    ...changes,
  };
}

export function modelEntry(changes: Partial<ModelEntry> = {}): ModelEntry {
  return {
    modelName: 'demo',
    aliases: [],
    backends: [backendEntry()],
    created: '2026-01-01T00:00:00Z',
    ...changes,
  };
}

export function backendEntry(changes: Partial<BackendEntry> = {}): BackendEntry {
  return { name: 'first', provider: 'default/first', model: 'upstream-demo', weight: 1, priority: 0, ...changes };
}

export function providerEntry(changes: Partial<ProviderEntry> = {}): ProviderEntry {
  return {
    dialect: 'OpenAI',
    baseURL: 'https://first.example/v1',
    headers: [],
    timeouts: {},
    allow: { privateAddresses: false, plainText: false },
    ...changes,
  };
}

export function consumerEntry(changes: Partial<ConsumerEntry> = {}): ConsumerEntry {
  return { id: 'default/ada', key: 'laptop', metadata: {}, ...changes };
}
