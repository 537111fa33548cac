import * as fc from 'fast-check';
import { resourceKey, type Resource } from '../../sync-agent/snapshot.ts';
import {
  clusterAccess,
  discovery,
  labels,
  meta,
  modelName,
  name,
  namespace,
  ref,
  service,
  serviceBackend,
  serviceRef,
  servingResources,
} from './arbitrary-services.ts';
import {
  backend,
  consumer,
  edgeGateway,
  edgeKeys,
  grant,
  model,
  provider,
  route,
  secret,
} from './resource-builders.ts';
import { clusterNamespace, deniedSecret } from './service-builders.ts';

const refs = fc.uniqueArray(ref, { minLength: 1, maxLength: 3, selector: (r) => `${r.namespace}/${r.name}` });
const digest = fc.constantFrom('a'.repeat(64), `${'a'.repeat(32)}${'b'.repeat(32)}`, '0'.repeat(64));
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

export const resource: fc.Arbitrary<Resource> = fc.oneof(
  fc
    .tuple(meta, allowed, fc.constantFrom('a', 'b'), clusterAccess, discovery)
    .map(([at, list, cluster, access, discovered]) =>
      edgeGateway({ allowed: list, clusterName: cluster, clusterAccess: access, discovery: discovered }, at),
    ),
  service,
  fc.tuple(namespace, labels).map(([at, tags]) => clusterNamespace(at, tags)),
  namespace.map((at) => deniedSecret(at, 'one')),
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
      fc.option(serviceRef, { nil: undefined }),
    )
    .map(([at, parents, models, hostnames, pathPrefix, type, targetService]) =>
      route({ parentRefs: parents, models, hostnames, pathPrefix, authentication: { type }, targetService }, at),
    ),
  fc
    .tuple(
      meta,
      modelName,
      fc.option(modelName),
      refs,
      fc.integer({ min: 0, max: 1 }),
      fc.uniqueArray(serviceBackend, { maxLength: 2, selector: (one) => one.name }),
    )
    .map(([at, called, alias, providers, weight, services]) =>
      model(
        {
          modelName: called,
          aliases: alias === null || alias === called ? [] : [alias],
          backends: [
            ...providers.map((p, i) => backend(p.name, { namespace: p.namespace, name: `b${i}`, weight: weight + i })),
            ...services,
          ],
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
    .tuple(
      meta,
      namespace,
      fc.constantFrom('AIModel', 'LLMProvider', 'InferenceService'),
      fc.option(name, { nil: undefined }),
      fc.boolean(),
    )
    .map(([at, from, kind, to, isRoute]) =>
      grant(
        [kind === 'AIModel' || (kind !== 'LLMProvider' && isRoute) ? 'GatewayRoute' : 'AIModel', from],
        [kind, to],
        at,
      ),
    ),
);

/** Of all kinds, in one of two mixtures; each but once. */
export const resources: fc.Arbitrary<readonly Resource[]> = fc
  .oneof(
    fc
      .uniqueArray(resource, { maxLength: 40, selector: resourceKey })
      .map((list) => [edgeGateway(), edgeKeys(), ...list]),
    servingResources,
  )
  .map((list) => [...new Map(list.map((one) => [resourceKey(one), one])).values()]);
