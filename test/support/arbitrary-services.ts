import * as fc from 'fast-check';
import type { Sighting } from '../../sync-agent/inference/sighting.ts';
import type { Resource } from '../../sync-agent/snapshot.ts';
import { edgeGateway, edgeKeys, grant, model, provider, route, secret } from './resource-builders.ts';
import { clusterNamespace, deniedSecret, inferenceService } from './service-builders.ts';

// Few names, so that resources meet, conflict, vanish and come back.
export const namespace = fc.constantFrom('infra', 'team-a', 'team-b');
export const name = fc.constantFrom('edge', 'one', 'two');
export const ref = fc.record({ namespace: fc.constantFrom('', 'team-a', 'team-b'), name });
export const modelName = fc.constantFrom('chat', 'code', 'x-large');
export const meta = fc.record({ name, namespace, day: fc.integer({ min: 1, max: 3 }) });

const wherever = fc.constantFrom('', 'team-a', 'team-b');
export const serviceRef = fc.record({
  kind: fc.constantFrom('InferenceService' as const, 'LLMInferenceService' as const),
  name,
  namespace: wherever,
});
export const labels = fc.constantFrom<Record<string, string>>({}, { app: 'llm' }, { app: 'llm', tier: 'gold' });
const bySelector = { matchLabels: { app: 'llm' } };
const connection = fc.option(ref, { nil: undefined });

type Backend = NonNullable<NonNullable<Parameters<typeof model>[0]>['backends']>[number];
export const serviceBackend: fc.Arbitrary<Backend> = fc.oneof(
  fc
    .tuple(serviceRef, connection, fc.option(modelName, { nil: undefined }))
    .map(([inferenceServiceRef, connectionRef, upstream]) => ({
      name: 'service',
      type: 'InferenceService' as const,
      inferenceServiceRef,
      connectionRef,
      model: upstream,
    })),
  connection.map((connectionRef) => ({
    name: 'chosen',
    type: 'Selector' as const,
    selector: bySelector,
    connectionRef,
  })),
);

type Access = NonNullable<Parameters<typeof edgeGateway>[0]>['clusterAccess'];
export const clusterAccess = fc.constantFrom<Access[]>(
  undefined,
  { baseURL: 'https://{name}.gpu.example.com' },
  {
    baseURL: 'https://{name}-{namespace}.gpu.example.com',
    headers: [{ name: 'x-token', type: 'SecretKeyRef', secretKeyRef: { name: 'one', key: 'k' } }],
  },
  { transport: { type: 'Binding', binding: 'VPC' }, hostHeader: '{host}' },
);
type Discovery = NonNullable<NonNullable<Parameters<typeof edgeGateway>[0]>['discovery']>;
export const discovery = fc.constantFrom<Discovery[]>(
  [],
  [{ name: 'all' }],
  [{ name: 'chosen', namespaceSelector: bySelector, modelNameTemplate: '{namespace}-{model}' }],
);

export const service = fc
  .tuple(
    meta,
    labels,
    fc.constantFrom('InferenceService' as const, 'LLMInferenceService' as const),
    fc.constantFrom('Ready' as const, 'ScaledToZero' as const, 'Unavailable' as const),
    fc.constantFrom('https://gpu.example.com', 'http://10.0.0.1', undefined),
    fc.uniqueArray(modelName, { maxLength: 2 }),
    fc.integer({ min: 1, max: 2 }),
  )
  .map(([at, tags, kind, phase, origin, modelNames, generation]) =>
    inferenceService({ kind, phase, origin, modelNames }, { ...at, labels: tags, generation }),
  );

export const answer: fc.Arbitrary<Sighting> = fc.oneof(
  fc.uniqueArray(modelName, { maxLength: 2 }).map((models) => ({ type: 'Seen' as const, path: '/v1', models })),
  fc.constant({ type: 'NotSeen' as const, sentence: 'it answered 403' }),
  fc.constant({ type: 'Unasked' as const }),
);

const serving: fc.Arbitrary<Resource> = fc.oneof(
  { weight: 4, arbitrary: service },
  {
    weight: 3,
    arbitrary: fc
      .tuple(meta, modelName, fc.uniqueArray(serviceBackend, { minLength: 1, selector: (one) => one.name }))
      .map(([at, called, backends]) => model({ modelName: called, backends }, at)),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(meta, fc.uniqueArray(ref, { minLength: 1, maxLength: 3, selector: (r) => `${r.namespace}/${r.name}` }))
      .map(([at, models]) => route({ models }, at)),
  },
  fc.tuple(meta, serviceRef).map(([at, targetService]) => route({ models: undefined, targetService }, at)),
  fc
    .tuple(meta, fc.constantFrom('https://llm.gpu.example.com', 'https://llm.gpu.example.com/v1'), fc.boolean())
    .map(([at, baseURL, hasToken]) =>
      provider(
        {
          baseURL,
          headers: hasToken ? [{ name: 'x-token', type: 'SecretKeyRef', secretKeyRef: { name: 'one', key: 'k' } }] : [],
        },
        at,
      ),
    ),
  fc.tuple(namespace, fc.constantFrom('sk-1', 'sk-2')).map(([at, value]) => releasedSecret(at, value)),
  fc.tuple(namespace, labels).map(([at, tags]) => clusterNamespace(at, tags)),
  namespace.map((at) => deniedSecret(at, 'one')),
  fc.tuple(clusterAccess, discovery).map(([access, discovered]) => openEdge(access, discovered)),
);

/** Resources around inference services, nearly all of which may do what they want. */
export const servingResources: fc.Arbitrary<readonly Resource[]> = fc
  .tuple(fc.array(serving, { minLength: 10, maxLength: 30, size: 'max' }), clusterAccess, discovery)
  .map(([list, access, discovered]) => [
    openEdge(access, discovered),
    edgeKeys(),
    releasedSecret('infra', 'sk-1'),
    ...['team-a', 'team-b'].flatMap((to) => [
      grant(['GatewayRoute', 'team-a'], ['AIModel'], { name: 'models', namespace: to }),
      grant(['AIModel', 'team-a'], ['InferenceService'], { name: 'services', namespace: to }),
    ]),
    ...list,
  ]);

function openEdge(access: Access, discovered: Discovery): Resource {
  const everything = { privateAddresses: true, plainText: true };
  return edgeGateway({
    allowed: [{ name: 'all', namespaces: { type: 'All' }, ...everything }],
    clusterAccess: access,
    discovery: discovered,
  });
}

function releasedSecret(at: string, value: string): Resource {
  return secret(
    { k: value },
    {
      namespace: at,
      name: 'one',
      annotations: { 'fairlead.dev/hosts': '*.gpu.example.com,gpu.example.com,binding:VPC' },
    },
  );
}
