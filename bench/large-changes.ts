import type { Resource } from '../sync-agent/snapshot.ts';
import { backend, model, provider, route, secret } from '../test/support/resource-builders.ts';
import { largeConsumer } from '../test/support/large-snapshot.ts';

export type Change = { name: string; resource: (i: number) => Resource };

const inTeam = (name: string) => ({ name, namespace: 'team-3' });

/** One change of each kind to the large snapshot; each `i` gives another one. */
export const largeChanges: readonly Change[] = [
  { name: 'consumer', resource: (i) => largeConsumer(i * 7, `other-team-${i}`) },
  { name: 'key revoked', resource: (i) => withoutKeys(largeConsumer(i * 11 + 3)) },
  {
    name: 'model',
    resource: (i) => model({ modelName: `model-${i}-changed`, backends: [backend('provider-1')] }, inTeam('model-1')),
  },
  {
    name: 'route',
    resource: (i) => route({ pathPrefix: `/changed-${i}`, models: [{ name: 'model-1' }] }, inTeam('route-1')),
  },
  {
    name: 'provider',
    resource: (i) => provider({ baseURL: `https://changed-${i}.example.com/v1` }, inTeam('provider-1')),
  },
  {
    name: 'provider key rotated',
    resource: (i) =>
      secret(
        { 'api-key': `sk-rotated-${i}` },
        { name: 'provider-0', namespace: 'team-5', annotations: { 'fairlead.dev/hosts': 'llm-5.example.com' } },
      ),
  },
];

function withoutKeys(resource: Resource): Resource {
  return resource.kind === 'Consumer' ? { ...resource, spec: { ...resource.spec, keys: [] } } : resource;
}
