import { describe, expect, test } from 'vitest';
import {
  DEFAULT_TIMEOUTS,
  planRequest,
  type Plan,
  type RequestToPlan,
  type Serve,
} from '../../../worker/pipeline/plan-request.ts';
import { statusOf } from '../../../worker/errors.ts';
import {
  backendEntry,
  servedConsumer,
  modelEntry,
  providerEntry,
  routeEntry,
  tableOfEntries,
  type Entries,
} from '../support/table-of-entries.ts';

describe('of several routes that claim a model', () => {
  const models = { demo: 'default/demo' };
  const older = { created: '2025-01-01T00:00:00Z' };
  test.each([
    [
      'the exact host',
      { hostnames: ['llm.example.com'] },
      { hostnames: ['*.example.com'], pathPrefix: '/v1', ...older },
    ],
    [
      'the longer wildcard',
      { hostnames: ['*.eu.example.com'] },
      { hostnames: ['*.example.com'], ...older },
      'llm.eu.example.com',
    ],
    ['any host rather than none', { hostnames: ['*.example.com'] }, { hostnames: [], pathPrefix: '/v1', ...older }],
    [
      'the longer path',
      { pathPrefix: '/v1/chat' },
      { pathPrefix: '/v1', headers: [{ name: 'x-team', value: 'a' }], ...older },
    ],
    ['the more headers', { headers: [{ name: 'x-team', value: 'a' }] }, { headers: [], ...older }],
    ['the older', { created: '2025-01-01T00:00:00Z' }, { created: '2025-01-02T00:00:00Z' }],
  ])('%s wins', (_, winner, loser, host = 'llm.example.com') => {
    for (const [first, second] of [
      ['default/a', 'default/z'],
      ['default/z', 'default/a'],
    ] as const) {
      const routes = { [first]: routeEntry({ models, ...winner }), [second]: routeEntry({ models, ...loser }) };
      const plan = planOf({ routes }, { host, header: (name) => (name === 'x-team' ? 'a' : null) });
      expect(plan.type === 'Serve' && plan.routeId).toBe(first);
    }
  });

  test('the one with the lesser id wins where nothing else tells them apart', () => {
    const routes = { 'default/b': routeEntry({ models }), 'default/a': routeEntry({ models }) };
    expect(served({ routes }).routeId).toBe('default/a');
  });

  test('one that does not match is passed over, and it is said why', () => {
    const routes = {
      'default/host': routeEntry({ models, hostnames: ['other.example.com'] }),
      'default/path': routeEntry({ models, pathPrefix: '/team' }),
      'default/header': routeEntry({ models, headers: [{ name: 'x-team', value: 'a' }] }),
      'default/late': routeEntry({ models, created: '2027-01-01T00:00:00Z' }),
      'default/main': routeEntry({ models }),
    };
    const plan = served({ routes });
    expect(plan.routeId).toBe('default/main');
    expect(Object.fromEntries(plan.passedOver().map(({ name, why }) => [name, why]))).toEqual({
      'default/host': 'its host name other.example.com is not llm.example.com',
      'default/path': 'its path prefix /team is not that of /v1/chat/completions',
      'default/header': 'it wants the header x-team: a',
      'default/late': 'default/main matches more specifically',
    });
  });

  test('the winner speaks alone: where it is closed to the caller, no other one opens', () => {
    const routes = {
      'default/open': routeEntry({ models }),
      'default/closed': routeEntry({ models, hostnames: ['llm.example.com'], consumers: ['other'] }),
    };
    expect(refused({ routes }).code).toBe('model_not_found');
  });
});

describe('the host', () => {
  test.each(['llm.example.com', 'llm.example.com:8787'])('matches with and without a port: %s', (host) => {
    expect(planOf({ routes: { 'default/main': routeEntry({ hostnames: ['llm.example.com'] }) } }, { host }).type).toBe(
      'Serve',
    );
  });
});

describe('a model', () => {
  test('answers to its aliases, which a route claims each by itself', () => {
    const routes = { 'default/main': routeEntry({ models: { fast: 'default/demo' } }) };
    expect(served({ routes }, { model: 'fast' }).modelId).toBe('default/demo');
    expect(refused({ routes }, { model: 'demo' }).code).toBe('model_not_found');
  });

  test.each(['unknown', '__proto__', 'constructor', 'toString', ''])(
    'that nobody claims does not exist: %j',
    (model) => {
      expect(refused({}, { model })).toMatchObject({ code: 'model_not_found', param: 'model' });
    },
  );

  test('that is claimed and not in the table does not exist', () => {
    expect(refused({ models: {} }).code).toBe('model_not_found');
  });

  test('that does not do what is asked says what it does', () => {
    const models = { 'default/demo': modelEntry({ operations: ['chat', 'completions'] }) };
    expect(refused({ models }, { operation: 'embeddings' })).toMatchObject({
      code: 'unsupported_operation',
      message: 'The model `demo` does not do embeddings; it does chat and completions.',
    });
    expect(planOf({ models }, { operation: 'completions' }).type).toBe('Serve');
    expect(planOf({}, { operation: 'embeddings' }).type).toBe('Serve');
  });
});

describe('a caller', () => {
  const anonymous = { 'default/main': routeEntry({ authentication: 'Anonymous' }) };

  test('without a key is served only where the route asks for none', () => {
    expect(refused({}, { consumer: undefined })).toMatchObject({ code: 'invalid_api_key' });
    expect(planOf({ routes: anonymous }, { consumer: undefined }).type).toBe('Serve');
  });

  test('without a key learns nothing: what does not exist is refused like what is closed', () => {
    const closed = refused({}, { consumer: undefined });
    const missing = refused({ routes: {} }, { consumer: undefined });
    expect(toldBy(missing)).toEqual(toldBy(closed));
    expect(statusOf(closed.code)).toBe(401);
  });

  test('with a key passes where none is asked for, whatever the key may do elsewhere', () => {
    const stranger = servedConsumer({ id: 'stranger/eve', allowedModels: ['nothing'] });
    const routes = { 'default/main': routeEntry({ authentication: 'Anonymous', consumers: ['default'] }) };
    expect(planOf({ routes }, { consumer: stranger }).type).toBe('Serve');
  });

  test.each([
    ['*', 'anyone/ada', true],
    [['default'], 'default/ada', true],
    [['other', 'default'], 'default/ada', true],
    [['defaul'], 'default/ada', false],
    [['default/ada'], 'default/ada', false],
    [[], 'default/ada', false],
  ] as const)('reaches a route for the namespaces %j as %s: %s', (namespaces, id, reaches) => {
    const routes = { 'default/main': routeEntry({ consumers: namespaces === '*' ? '*' : [...namespaces] }) };
    const plan = planOf({ routes }, { consumer: servedConsumer({ id }) });
    expect(plan).toMatchObject(reaches ? { type: 'Serve' } : { type: 'Refuse', code: 'model_not_found' });
  });

  test('of another namespace is told the same as of a model that does not exist', () => {
    const routes = { 'default/main': routeEntry({ consumers: ['other'] }) };
    expect(toldBy(refused({ routes }))).toEqual(toldBy(refused({ routes: {} })));
  });

  test.each([
    [undefined, 'fast', true],
    [['fast'], 'fast', true],
    [['demo'], 'fast', true],
    [['fa*'], 'fast', true],
    [['de*'], 'fast', true],
    [['*'], 'fast', true],
    [['other', 'fast'], 'fast', true],
    [['fas'], 'fast', false],
    [['faster'], 'fast', false],
    [[], 'fast', false],
  ])('that may use %j may use the model demo by its alias %s: %s', (allowedModels, model, may) => {
    const routes = { 'default/main': routeEntry({ models: { fast: 'default/demo' } }) };
    const consumer = servedConsumer(allowedModels === undefined ? {} : { allowedModels });
    const plan = planOf({ routes }, { model, consumer });
    expect(plan).toMatchObject(may ? { type: 'Serve' } : { type: 'Refuse', code: 'model_not_allowed', param: 'model' });
  });
});

describe('the candidates', () => {
  const backends = ['a', 'b', 'c'].map((name, i) => backendEntry({ name, provider: `default/${name}`, priority: i }));
  const providers = Object.fromEntries(backends.map(({ provider }) => [provider, providerEntry()]));
  const names = (plan: Serve): string[] => plan.candidates.map(({ backend }) => backend.name);

  test('are all backends, in the order of their tiers', () => {
    const plan = served({ models: { 'default/demo': modelEntry({ backends: backends.toReversed() }) }, providers });
    expect(names(plan)).toEqual(['a', 'b', 'c']);
    expect(plan.candidates[0]).toMatchObject({ providerId: 'default/a', provider: providers['default/a'] });
  });

  test('are those that have a weight and a provider, and it is said why others are not', () => {
    const [a, b, c] = backends;
    const models = {
      'default/demo': modelEntry({ backends: [{ ...a!, weight: 0 }, { ...b!, provider: 'default/gone' }, c!] }),
    };
    const plan = served({ models, providers });
    expect(names(plan)).toEqual(['c']);
    expect(plan.passedOver()).toEqual([
      { type: 'Backend', name: 'a', why: 'its weight is 0' },
      { type: 'Backend', name: 'b', why: 'its provider default/gone is not in the table' },
    ]);
  });

  test('may be none: then the operator is to be asked', () => {
    const models = { 'default/demo': modelEntry({ backends: [backendEntry({ weight: 0 })] }) };
    expect(refused({ models }).code).toBe('no_backend');
  });

  test('may be none yet: a model that waits for its services is to be asked again', () => {
    const models = { 'default/demo': modelEntry({ backends: [] }) };
    expect(refused({ models })).toMatchObject({
      code: 'not_ready',
      message: 'The model `demo` is not ready at the moment. Try again in a while.',
    });
  });

  test('that failed lately go last', () => {
    const models = { 'default/demo': modelEntry({ backends }) };
    const plan = planRequest(tableOf({ models, providers }), asking(), {
      isDown: ({ backend }) => backend.name === 'a',
    });
    expect(plan.type === 'Serve' && names(plan)).toEqual(['b', 'c', 'a']);
  });

  test('follow the consumer and the conversation', () => {
    const equals = backends.map((backend) => ({ ...backend, priority: 0 }));
    const table = tableOf({ models: { 'default/demo': modelEntry({ backends: equals }) }, providers });
    const first = (change: Partial<RequestToPlan>) => {
      const plan = planRequest(table, asking(change));
      return plan.type === 'Serve' ? plan.candidates[0].backend.name : plan.code;
    };
    const many = Array.from({ length: 60 }, (_, i) => String(i));
    const byConversation = many.map((text) => first({ conversation: () => text }));
    const byConsumer = many.map((text) => first({ consumer: servedConsumer({ id: `default/${text}` }) }));
    expect(new Set(byConversation)).toEqual(new Set(['a', 'b', 'c']));
    expect(new Set(byConsumer)).toEqual(new Set(['a', 'b', 'c']));
    expect(many.map((text) => first({ conversation: () => text }))).toEqual(byConversation);
  });
});

describe('time', () => {
  test.each([
    ['the route', { idle: 1 }, { idle: 2 }, 1],
    ['else the provider', {}, { idle: 2 }, 2],
    ['else what suffices for most', {}, {}, DEFAULT_TIMEOUTS.idle],
  ])('is given by %s', (_, ofRoute, ofProvider, idle) => {
    const plan = served({
      routes: { 'default/main': routeEntry({ timeouts: ofRoute }) },
      providers: { 'default/first': providerEntry({ timeouts: ofProvider }) },
    });
    expect(plan.timeouts(plan.candidates[0])).toEqual({ ...DEFAULT_TIMEOUTS, idle });
  });
});

function tableOf(entries: Partial<Entries>) {
  return tableOfEntries({
    routes: { 'default/main': routeEntry() },
    models: { 'default/demo': modelEntry() },
    providers: { 'default/first': providerEntry() },
    ...entries,
  });
}

function asking(change: Partial<RequestToPlan> = {}): RequestToPlan {
  return {
    host: 'llm.example.com',
    path: '/v1/chat/completions',
    header: () => null,
    model: 'demo',
    operation: 'chat',
    consumer: servedConsumer(),
    conversation: () => 'conversation',
    ...change,
  };
}

function planOf(entries: Partial<Entries>, change?: Partial<RequestToPlan>): Plan {
  return planRequest(tableOf(entries), asking(change));
}

function served(entries: Partial<Entries>, change?: Partial<RequestToPlan>): Serve {
  const plan = planOf(entries, change);
  if (plan.type === 'Serve') return plan;
  throw new Error(plan.message);
}

function refused(entries: Partial<Entries>, change?: Partial<RequestToPlan>): Extract<Plan, { type: 'Refuse' }> {
  const plan = planOf(entries, change);
  if (plan.type === 'Refuse') return plan;
  throw new Error('it was served');
}

/** What the caller learns. */
function toldBy({ code, message, param }: Extract<Plan, { type: 'Refuse' }>) {
  return { code, message, param };
}
