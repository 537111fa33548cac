import { describe, expect, test } from 'vitest';
import type { BackendEntry, ModelEntry, RouteEntry } from '../../../contract/routing-table.ts';
import { claimMatches } from '../../../worker/pipeline/match-route.ts';
import { planRequest, type Plan, type RequestToPlan, type Serve } from '../../../worker/pipeline/plan-request.ts';
import { visibleModels } from '../../../worker/pipeline/visible-models.ts';
import { joinTables } from '../../../worker/table/join-tables.ts';
import type { ClusterTable, ServedTable } from '../../../worker/table/served-table.ts';
import {
  backendEntry,
  modelEntry,
  providerEntry,
  routeEntry,
  servedConsumer,
  tableOfEntries,
} from '../support/table-of-entries.ts';

describe('a route that two clusters claim alike', () => {
  test('is served by the cluster that is listed earlier, and passed over in the other', () => {
    const plan = served(joined({}, { route: { created: '2020-01-01T00:00:00Z' } }));
    expect([plan.table.cluster, plan.routeId]).toEqual(['eu', 'default/main']);
    expect(plan.passedOver()).toMatchObject([{ type: 'Route', name: 'default/main' }]);
  });

  test('has the treatment of the winner', () => {
    const table = joined({ route: { timeouts: { idle: 1 } } }, { route: { timeouts: { idle: 2 } } });
    const plan = served(table);
    expect(plan.timeouts(plan.candidates[0]).idle).toBe(1);
  });
});

describe('a model of the same name in two clusters', () => {
  test('has the backends of both, each with the provider of its own cluster', () => {
    const plan = served(joined({ baseURL: 'https://eu.example/v1' }, { baseURL: 'https://us.example/v1' }));
    expect(whereTo(plan)).toEqual(['eu https://eu.example/v1', 'us https://us.example/v1']);
    expect(plan.candidates.every(({ home, provider }) => home.provider('default/first') === provider)).toBe(true);
  });

  test('is tried by tiers across both', () => {
    const table = joined({ backend: { priority: 1 } }, { backend: { priority: 0 } });
    expect(served(table).candidates.map(({ home }) => home.cluster)).toEqual(['us', 'eu']);
  });

  test('has everything else from the cluster that is listed earliest, also where another’s route is the one', () => {
    const ofEu = { contextWindow: 1_000, operations: ['chat' as const] };
    const route = { hostnames: ['llm.example.com'] };
    const plan = served(joined({ model: ofEu }, { route, model: { contextWindow: 2_000 } }));
    expect([plan.table.cluster, plan.model.contextWindow]).toEqual(['us', 1_000]);
    const refused = planOf(joined({ model: ofEu }, { route }), { operation: 'embeddings' });
    expect(refused).toMatchObject({ type: 'Refuse', code: 'unsupported_operation' });
  });

  test('unites by its name, not by the alias that was asked for, nor by its id', () => {
    const models = { demo: 'default/demo', fast: 'default/demo' };
    const byAlias = joined({ route: { models } }, {});
    expect(clustersOf(served(byAlias, { model: 'fast' }))).toEqual(['eu', 'us']);
    const another = joined({ route: { models } }, { model: { modelName: 'another', aliases: ['demo'] } });
    expect(clustersOf(served(another))).toEqual(['eu']);
  });

  test.each([
    ['another host', { hostnames: ['other.example.com'] }],
    ['another path', { pathPrefix: '/team-b' }],
    ['a header that the request has not', { headers: [{ name: 'x-team', value: 'b' }] }],
  ])('does not unite where the other cluster serves it at %s: that is another tenant’s', (_, route) => {
    expect(clustersOf(served(joined({}, { route })))).toEqual(['eu']);
  });

  test('goes on with one cluster’s backends where the other’s route or model requires what this worker does not know', () => {
    expect(clustersOf(served(joined({}, { route: { requires: ['x'] } })))).toEqual(['eu']);
    expect(clustersOf(served(joined({}, { model: { requires: ['x'] } })))).toEqual(['eu']);
  });

  test('is listed once, as the cluster that is listed earliest has it', () => {
    const table = joined({ model: { contextWindow: 1_000 } }, { model: { contextWindow: 2_000 } });
    const place = asking();
    expect(visibleModels(table, place, servedConsumer({ cluster: 'eu' }))).toMatchObject([
      { name: 'demo', model: { contextWindow: 1_000 } },
    ]);
  });
});

describe('a consumer', () => {
  test('reaches the routes of its own cluster only: the same namespace of another is another', () => {
    const table = joined({ route: { consumers: ['default'] } }, {});
    expect(planOf(table, { consumer: servedConsumer({ cluster: 'eu' }) }).type).toBe('Serve');
    const stranger = planOf(table, { consumer: servedConsumer({ cluster: 'us' }) });
    const nobody = planOf(table, { consumer: servedConsumer({ cluster: 'us' }), model: 'unheard-of' });
    expect(stranger).toMatchObject({ type: 'Refuse', code: 'model_not_found' });
    expect(told(stranger)).toBe(told(nobody).replace('unheard-of', 'demo'));
    expect(visibleModels(table, asking(), servedConsumer({ cluster: 'us' }))).toEqual([]);
  });

  test('of one cluster passes where another’s route asks for no key', () => {
    const table = joined({ route: { authentication: 'Anonymous' } }, {});
    expect(planOf(table, { consumer: servedConsumer({ cluster: 'us' }) }).type).toBe('Serve');
  });
});

describe('while the table of a cluster cannot be had', () => {
  const partial = joinTables([cluster('eu', {})], ['us']);

  test('what the others have is served', () => {
    expect(served(partial).table.cluster).toBe('eu');
  });

  test.each([
    ['a model that nobody here claims', { model: 'elsewhere' }],
    ['a caller whose key nobody here knows', { consumer: undefined }],
  ])('%s is to be tried again: it may be the other’s', (_, change) => {
    expect(planOf(partial, change)).toMatchObject({ type: 'Refuse', code: 'not_ready' });
  });

  test('a route that is closed to a consumer of its own cluster is closed', () => {
    const closed = joinTables([cluster('eu', { route: { consumers: ['other'] } })], ['us']);
    expect(planOf(closed)).toMatchObject({ code: 'model_not_found' });
  });
});

interface Variant {
  readonly route?: Partial<RouteEntry>;
  readonly model?: Partial<ModelEntry>;
  readonly backend?: Partial<BackendEntry>;
  readonly baseURL?: string;
}

function cluster(name: string, { route, model, backend, baseURL }: Variant): ClusterTable {
  const entries = {
    routes: { 'default/main': routeEntry(route) },
    models: { 'default/demo': modelEntry({ backends: [backendEntry(backend)], ...model }) },
    providers: { 'default/first': providerEntry(baseURL === undefined ? {} : { baseURL }) },
  };
  return tableOfEntries(entries, `of-${name}`, name);
}

function joined(eu: Variant, us: Variant): ServedTable {
  return joinTables([cluster('eu', eu), cluster('us', us)], []);
}

function asking(change: Partial<RequestToPlan> = {}): RequestToPlan {
  return {
    host: 'llm.example.com',
    path: '/v1/chat/completions',
    header: () => null,
    model: 'demo',
    operation: 'chat',
    consumer: servedConsumer({ cluster: 'eu' }),
    conversation: () => 'conversation',
    ...change,
  };
}

/** Asked by a consumer of the cluster whose route it is, if nothing else is said. */
function planOf(table: ServedTable, change: Partial<RequestToPlan> = {}): Plan {
  const request = asking(change);
  const claim = table.claimsOn(request.model).find((one) => claimMatches(one, request));
  if ('consumer' in change || !claim) return planRequest(table, request);
  return planRequest(table, { ...request, consumer: servedConsumer({ cluster: claim.cluster }) });
}

function served(table: ServedTable, change?: Partial<RequestToPlan>): Serve {
  const plan = planOf(table, change);
  if (plan.type === 'Serve') return plan;
  throw new Error(plan.message);
}

const clustersOf = (plan: Serve): string[] => plan.candidates.map(({ home }) => home.cluster).toSorted();
const whereTo = (plan: Serve): string[] =>
  plan.candidates.map(({ home, provider }) => `${home.cluster} ${provider.baseURL}`).toSorted();
const told = (plan: Plan): string => (plan.type === 'Refuse' ? plan.message : 'served');
