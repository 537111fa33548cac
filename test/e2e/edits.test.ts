import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type GatewayUnderTest } from '../support/gateway.ts';
import { consumer, documents, model, provider, route, sha256 } from '../support/resource-files.ts';
import { startAgentProcess } from '../support/running-agent.ts';

const KEY = 'sk-test-someone';

describe('an edit of the folder reaches the edge, with the agent as a process of its own', () => {
  let gateway: GatewayUnderTest;

  beforeAll(async () => {
    gateway = await startGateway({
      startAgent: startAgentProcess,
      files: (simulator) => ({
        'provider.yaml': provider('simulator', { baseURL: `${simulator}/v1` }),
        'models.yaml': model('demo', { provider: 'simulator' }),
        'route.yaml': route('chat', ['demo']),
        'someone.yaml': consumer('someone', KEY),
      }),
    });
  });
  afterAll(() => gateway?.dispose());

  const ask = (name: string, key = KEY) =>
    fetch(`${gateway.edge.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: name, messages: [{ role: 'user', content: 'Hi' }] }),
    });
  const statusOf = async (name: string, key?: string): Promise<number> => {
    const response = await ask(name, key);
    await response.body?.cancel();
    return response.status;
  };

  test('a new model answers from the revision on that brings it', async () => {
    expect(await statusOf('second')).toBe(404);
    const revision = await gateway.apply(
      'second.yaml',
      documents(model('second', { provider: 'simulator', model: 'demo' }), route('second', ['second'])),
    );
    const response = await ask('second');
    expect(response.status).toBe(200);
    expect(response.headers.get('x-fairlead-revision')).toBe(revision);
    await response.body?.cancel();
  });

  test('a revoked key stops working with the revision that drops it, and the others go on', async () => {
    await gateway.apply('leaving.yaml', consumer('leaving', 'sk-test-leaving'));
    expect(await statusOf('demo', 'sk-test-leaving')).toBe(200);
    await gateway.withdraw('leaving.yaml');
    expect(await statusOf('demo', 'sk-test-leaving')).toBe(401);
    expect(await statusOf('demo')).toBe(200);
  });

  test('a key beyond its expiry is refused, and a model that a consumer may not use stays closed to it', async () => {
    await gateway.apply(
      'limited.yaml',
      documents(
        consumer('late', '', {
          keys: [{ name: 'main', type: 'SHA256', sha256: sha256('sk-test-late'), expiresAt: '2020-01-01T00:00:00Z' }],
        }),
        consumer('limited', 'sk-test-limited', { allowedModels: ['other-*'] }),
      ),
    );
    expect(await statusOf('demo', 'sk-test-late')).toBe(401);
    expect(await statusOf('demo', 'sk-test-limited')).toBe(403);
  });

  test('a file that no longer parses changes nothing at the edge, and edits of other files go on', async () => {
    await gateway.folder.write(
      'models.yaml',
      'apiVersion: fairlead.dev/v1alpha1\nkind: AIModel\nmetadata:\n\tname: demo\n',
    );
    await gateway.apply('newcomer.yaml', consumer('newcomer', 'sk-test-newcomer'));
    expect(await statusOf('demo', 'sk-test-newcomer')).toBe(200);
  });

  test('a model whose provider does not exist leaves the table, and comes back when that is mended', async () => {
    await gateway.apply('models.yaml', model('demo', { provider: 'absent' }));
    expect(await statusOf('demo')).toBe(404);
    expect(await statusOf('second')).toBe(200);
    await gateway.apply('models.yaml', model('demo', { provider: 'simulator' }));
    expect(await statusOf('demo')).toBe(200);
  });
});
