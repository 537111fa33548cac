import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kinds } from '../../../crds/kinds.ts';
import { compile, createCompiler } from '../../../sync-agent/compile/compile.ts';
import {
  applyChange,
  resourceKey,
  type Resource,
  type ResourceKey,
  type SnapshotChange,
} from '../../../sync-agent/snapshot.ts';
import { digestOf, entriesOf, keysOf } from '../../support/read-compilation.ts';
import {
  EDGE,
  backend,
  consumer,
  edgeGateway,
  edgeKeys,
  grant,
  model,
  provider,
  route,
  secret,
} from '../../support/resource-builders.ts';

// Few names, so that resources meet, conflict, vanish and come back.
const namespace = fc.constantFrom('infra', 'team-a', 'team-b');
const name = fc.constantFrom('edge', 'one', 'two');
const ref = fc.record({ namespace: fc.constantFrom('', 'team-a', 'team-b'), name });
const refs = fc.uniqueArray(ref, { minLength: 1, maxLength: 3, selector: (r) => `${r.namespace}/${r.name}` });
const modelName = fc.constantFrom('chat', 'code', 'x-large');
const digest = fc.constantFrom('a'.repeat(64), `${'a'.repeat(32)}${'b'.repeat(32)}`, '0'.repeat(64));
const meta = fc.record({ name, namespace, day: fc.integer({ min: 1, max: 3 }) });
const parentRefs = fc.option(
  fc.uniqueArray(
    fc.record({ name: fc.constantFrom('edge', 'one'), namespace: fc.constantFrom('', 'infra', 'team-a') }),
    { minLength: 1, maxLength: 2, selector: (r) => `${r.namespace}/${r.name}` },
  ),
  { nil: undefined },
);
const some = <T>(values: fc.Arbitrary<T>) =>
  fc.option(fc.uniqueArray(values, { minLength: 1, maxLength: 2 }), { nil: undefined });

type Allowed = NonNullable<NonNullable<Parameters<typeof edgeGateway>[0]>['allowed']>[number];
type Namespaces = NonNullable<Allowed['namespaces']>;

const grantOfEdge = fc.record({
  namespaces: fc.constantFrom<Namespaces[]>({ type: 'All' }, { type: 'Same' }, { type: 'Names', names: ['team-a'] }),
  hostnames: some(fc.constantFrom('*', '*.example.com', 'a.example.com')),
  pathPrefixes: some(fc.constantFrom('/', '/a')),
  modelNames: some(fc.constantFrom('*', 'chat', 'x-*')),
  anonymous: fc.boolean(),
  workerSecrets: fc.constantFrom<NonNullable<Allowed['workerSecrets']>[]>(
    [],
    [{ name: 'KEY', hosts: ['api.example.com'] }],
  ),
  bindings: fc.constantFrom<string[][]>([], ['VPC']),
  privateAddresses: fc.boolean(),
  plainText: fc.boolean(),
});
const allowed = fc.option(
  fc
    .array(grantOfEdge, { minLength: 1, maxLength: 2 })
    .map((list) => list.map((entry, i) => ({ name: `entry-${i}`, ...entry }))),
  { nil: undefined },
);

const apiKey = fc.constantFrom(
  { type: 'None' as const },
  { type: 'APIKey' as const, apiKey: { type: 'SecretRef' as const, secretRef: { name: 'one', key: 'k' } } },
  { type: 'APIKey' as const, apiKey: { type: 'WorkerSecret' as const, workerSecret: 'KEY' } },
);

const resource: fc.Arbitrary<Resource> = fc.oneof(
  fc
    .tuple(meta, allowed, fc.constantFrom('a', 'b'))
    .map(([at, list, cluster]) => edgeGateway({ allowed: list, clusterName: cluster }, { ...at, name: at.name })),
  fc
    .tuple(namespace, fc.boolean())
    .map(([at, sound]) => edgeKeys(sound ? {} : { 'signing-key': '{}' }, { namespace: at })),
  fc
    .tuple(
      meta,
      parentRefs,
      refs,
      some(fc.constantFrom('a.example.com', '*.example.com')),
      fc.constantFrom('/', '/a'),
      fc.constantFrom('Key' as const, 'Anonymous' as const),
    )
    .map(([at, parents, models, hostnames, pathPrefix, type]) =>
      route({ parentRefs: parents, models, hostnames, pathPrefix, authentication: { type } }, at),
    ),
  fc
    .tuple(meta, modelName, fc.option(modelName), refs, fc.integer({ min: 0, max: 1 }))
    .map(([at, called, alias, providers, weight]) =>
      model(
        {
          modelName: called,
          aliases: alias === null || alias === called ? [] : [alias],
          backends: providers.map((p, i) =>
            backend(p.name, { namespace: p.namespace, name: `b${i}`, weight: weight + i }),
          ),
        },
        at,
      ),
    ),
  fc
    .tuple(meta, apiKey, fc.constantFrom('https://api.example.com/v1', 'http://127.0.0.1:8080/v1'), fc.boolean())
    .map(([at, auth, baseURL, bound]) =>
      provider({ auth, baseURL, ...(bound ? { transport: { type: 'Binding', binding: 'VPC' } } : {}) }, at),
    ),
  fc
    .tuple(meta, parentRefs, fc.uniqueArray(digest, { maxLength: 2 }), fc.boolean())
    .map(([at, parents, digests, fromSecret]) =>
      consumer(
        {
          parentRefs: parents,
          keys: [
            ...digests.map((sha256, i) => ({ name: `k${i}`, type: 'SHA256' as const, sha256 })),
            ...(fromSecret ? [{ name: 's', type: 'SecretRef' as const, secretRef: { name: 'one', key: 'k' } }] : []),
          ],
        },
        at,
      ),
    ),
  fc
    .tuple(
      namespace,
      fc.constantFrom('sk-1', 'sk-2'),
      fc.constantFrom('', 'api.example.com', 'binding:VPC,api.example.com'),
    )
    .map(([at, value, hosts]) =>
      secret({ k: value }, { namespace: at, name: 'one', annotations: { 'fairlead.dev/hosts': hosts } }),
    ),
  fc
    .tuple(meta, namespace, fc.constantFrom('AIModel', 'LLMProvider'), fc.option(name, { nil: undefined }))
    .map(([at, from, kind, to]) => grant([kind === 'AIModel' ? 'GatewayRoute' : 'AIModel', from], [kind, to], at)),
);

const resources = fc
  .uniqueArray(resource, { maxLength: 40, selector: resourceKey })
  .map((list) => [...new Map([edgeGateway(), edgeKeys(), ...list].map((one) => [resourceKey(one), one])).values()]);

const change: fc.Arbitrary<SnapshotChange> = fc.oneof(
  { weight: 3, arbitrary: resource.map((one) => ({ type: 'Set' as const, resource: one })) },
  { weight: 2, arbitrary: resource.map((one) => ({ type: 'Delete' as const, key: resourceKey(one) })) },
);

describe('the laws of compilation', () => {
  test('the order of the resources changes neither a byte nor a condition', () => {
    fc.assert(
      fc.property(
        resources.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))),
        ([list, shuffled]) => {
          expect(digestOf(compile(shuffled, EDGE))).toEqual(digestOf(compile(list, EDGE)));
        },
      ),
      { numRuns: 200 },
    );
  });

  test('after any changes, in any batches, the incremental result equals one from scratch', () => {
    fc.assert(
      fc.property(
        resources,
        fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), { maxLength: 12 }),
        (list, batches) => {
          const snapshot = new Map<ResourceKey, Resource>(list.map((one) => [resourceKey(one), one]));
          const compiler = createCompiler(EDGE);
          compiler.apply(list.map((one) => ({ type: 'Set', resource: one })));
          compiler.compile();
          for (const batch of batches) {
            for (const one of batch) applyChange(snapshot, one);
            compiler.apply(batch);
            expect(digestOf(compiler.compile())).toEqual(digestOf(compile(snapshot.values(), EDGE)));
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  test('every bucket is what the hub admits, and the table has no loose ends', () => {
    fc.assert(
      fc.property(resources, (list) => {
        const compilation = compile(list, EDGE);
        const routes = entriesOf(compilation, 'routes');
        const models = entriesOf(compilation, 'models');
        const providers = entriesOf(compilation, 'providers');
        const consumers = entriesOf(compilation, 'consumers');
        const secretIds = new Set(compilation.secrets.map(({ id }) => id));

        const usedModels = new Set(Object.values(routes).flatMap((entry) => Object.values(entry.models)));
        expect(new Set(Object.keys(models))).toEqual(usedModels);
        const usedProviders = new Set(Object.values(models).flatMap((entry) => entry.backends.map((b) => b.provider)));
        expect(new Set(Object.keys(providers))).toEqual(usedProviders);
        const credentials = Object.values(providers).flatMap(({ auth }) =>
          auth?.credential.type === 'Sealed' ? [auth.credential.id] : [],
        );
        expect(new Set(credentials)).toEqual(secretIds);
        expect(new Set(keysOf(compilation))).toEqual(new Set(Object.keys(consumers).map((id) => id.slice(0, 32))));
      }),
      { numRuns: 200 },
    );
  });

  test('what stands in the map of entries is what is counted', () => {
    fc.assert(
      fc.property(resources, (list) => {
        const { entries, counts, sections } = compile(list, EDGE);
        const shipped = [...entries.keys()].map((key) => key.slice(0, key.indexOf('/')));
        expect(counts).toEqual({
          routes: shipped.filter((kind) => kind === 'GatewayRoute').length,
          models: shipped.filter((kind) => kind === 'AIModel').length,
          providers: shipped.filter((kind) => kind === 'LLMProvider').length,
          consumers: shipped.filter((kind) => kind === 'Consumer').length,
        });
        expect(sections.consumers.length).toBe(sections.keys.length);
      }),
    );
  });

  test('every condition gives a reason that its kind documents, and no sentence holds a secret', () => {
    fc.assert(
      fc.property(resources, (list) => {
        for (const [key, conditions] of compile(list, EDGE).conditions) {
          const documented = Object.entries(kinds).find(([kind]) => key.startsWith(`${kind}/`))![1].conditions;
          expect(conditions.map(({ type }) => type)).toEqual(['Accepted', 'ResolvedRefs']);
          for (const { type, reason, message } of conditions) {
            expect(documented[type]).toContain(reason);
            expect(message).not.toMatch(/sk-[12]|nWGxne/);
          }
        }
      }),
    );
  });
});
