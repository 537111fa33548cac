import { describe, expect, test } from 'vitest';
import { compile } from '../../../sync-agent/compile/compile.ts';
import { entriesOf } from '../../support/read-compilation.ts';
import { EDGE, edgeGateway, edgeKeys, model, provider, route, secret } from '../../support/resource-builders.ts';
import { SEEN, inferenceService, sighting } from '../../support/service-builders.ts';

/** A route that leads to the service by a backend. */
const led = (backend: { readonly connectionRef?: { readonly name: string } } = {}) => [
  edgeGateway({ allowed: [{ name: 'all', namespaces: { type: 'All' } }] }),
  edgeKeys(),
  route(),
  model({
    modelName: 'llama',
    backends: [{ name: 'gpus', type: 'InferenceService', inferenceServiceRef: { name: 'llama' }, ...backend }],
  }),
];

describe('what a rollback needs to know', () => {
  test('the provider of a service is there with its secrets, also while it cannot be called', () => {
    const resources = [
      ...led({ connectionRef: { name: 'provider' } }),
      provider({ auth: { type: 'APIKey', apiKey: { type: 'SecretRef', secretRef: { name: 'it', key: 'k' } } } }),
      secret({ k: 'sk' }, { annotations: { 'fairlead.dev/hosts': 'api.example.com' } }),
      inferenceService({ phase: 'Unavailable' }),
    ];
    const { usableProviders } = compile(resources, EDGE);
    const ids = [...usableProviders.keys()].filter((id) => id.includes('..'));
    expect(ids.flatMap((id) => usableProviders.get(id)?.secrets.map(({ value }) => value) ?? [])).toEqual(['sk']);
    expect(ids).toHaveLength(2);
  });

  test('an answer of the edge about something that is not asked for changes nothing', () => {
    const resources = [...led(), inferenceService()];
    const stray = sighting('team/other..inferenceservice-0123456789abcdef', 'x', SEEN);
    expect(entriesOf(compile([...resources, stray], EDGE), 'models')['team/model']?.backends).toEqual([]);
  });
});
