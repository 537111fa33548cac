import { beforeAll, describe, expect, test } from 'vitest';
import { makeEdgeKeys, type EdgeKeys } from '../../cli/edge-keys.ts';
import { overlay, type OverlaySettings } from '../../cli/dev/overlay.ts';
import type { Resource } from '../../crds/parse-resource.ts';
import { compile } from '../../sync-agent/compile/compile.ts';
import { resourceId, resourceKey, type ResourceOf } from '../../sync-agent/snapshot.ts';
import { readResources } from '../support/read-resources.ts';
import { consumer, edgeGateway, model, provider, route } from '../support/resource-files.ts';

const SIMULATED = [
  provider('simulator', { baseURL: 'http://127.0.0.1:8788/v1' }),
  model('demo', { provider: 'simulator' }),
  route('chat', ['demo']),
  consumer('someone', 'sk-test'),
];

describe('the overlay of fairlead dev', () => {
  let keys: EdgeKeys;
  beforeAll(async () => {
    keys = await makeEdgeKeys();
  });
  const settings = (more: Partial<OverlaySettings> = {}): OverlaySettings => ({
    endpoint: 'http://127.0.0.1:9000',
    clusterName: 'local',
    keys,
    simulator: 'http://127.0.0.1:9001',
    ...more,
  });
  const gatewayFile = (endpoint: string): string =>
    edgeGateway({
      endpoint,
      clusterName: 'production',
      sealingKeys: [{ kid: 'real', publicKey: keys.sealing.publicKey }],
    });

  test('a folder without an EdgeGateway gets one that its routes attach to and that allows everything local', () => {
    const resources = overlay(readResources(...SIMULATED), settings());
    const gateway = gatewayOf(resources);
    const { conditions, target } = compile(resources, resourceId(gateway.metadata));
    expect([...conditions.values()].flat().filter(({ status }) => status === 'False')).toEqual([]);
    expect(target).toMatchObject({ endpoint: 'http://127.0.0.1:9000', cluster: 'local' });
  });

  test('an EdgeGateway gets the local address and the keys made on the spot, and keeps what it allows', () => {
    const before = readResources(gatewayFile('https://llm.example.com'));
    const gateway = gatewayOf(overlay(before, settings()));
    expect(gateway.spec).toMatchObject({
      endpoint: 'http://127.0.0.1:9000',
      sealingKeys: [{ kid: keys.sealing.kid, publicKey: keys.sealing.publicKey }],
    });
    expect(gateway.spec.allowed).toEqual(gatewayOf(before).spec.allowed);
  });

  test('of several EdgeGateways one remains, so that nothing is published to an edge that is not this one', () => {
    const second = gatewayFile('https://staging.example.com').replace('name: edge\n', 'name: staging\n');
    const resources = readResources(gatewayFile('https://llm.example.com'), second);
    expect(gatewaysOf(overlay(resources, settings())).map(resourceKey)).toEqual(['EdgeGateway/default/edge']);
    expect(gatewaysOf(overlay(resources, settings({ edge: 'default/staging' }))).map(resourceKey)).toEqual([
      'EdgeGateway/default/staging',
    ]);
  });

  test('a provider at the address of the simulator is led to where the simulator listens, and no other is', () => {
    const resources = readResources(
      provider('simulator', { baseURL: 'http://127.0.0.1:8788/v1' }),
      provider('beside', { baseURL: 'http://127.0.0.1:8789/v1' }),
    );
    const urls = overlay(resources, settings()).flatMap((resource) =>
      resource.kind === 'LLMProvider' ? [resource.spec.baseURL] : [],
    );
    expect(urls).toEqual(['http://127.0.0.1:9001/v1', 'http://127.0.0.1:8789/v1']);
  });

  test('with a key of OpenAI the real provider joins, and its key may go to its host alone', () => {
    const openAI = { apiKey: 'sk-real', baseURL: 'https://api.openai.com/v1', model: 'gpt-5-mini' };
    const resources = overlay(readResources(...SIMULATED), settings({ openAI }));
    const { secrets, conditions } = compile(resources, resourceId(gatewayOf(resources).metadata));
    expect(secrets).toMatchObject([{ value: 'sk-real', origins: ['https://api.openai.com'] }]);
    expect([...conditions.values()].flat().filter(({ status }) => status === 'False')).toEqual([]);
  });
});

function gatewaysOf(resources: readonly Resource[]): ResourceOf<'EdgeGateway'>[] {
  return resources.filter((resource): resource is ResourceOf<'EdgeGateway'> => resource.kind === 'EdgeGateway');
}

function gatewayOf(resources: readonly Resource[]): ResourceOf<'EdgeGateway'> {
  const [gateway] = gatewaysOf(resources);
  if (gateway === undefined) throw new Error('no EdgeGateway');
  return gateway;
}
