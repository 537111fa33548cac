import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Signal } from '../../contract/signals.ts';
import type { Publisher } from '../../sync-agent/publish/publisher.ts';
import { eventually } from '../support/eventually.ts';
import { startGateway, type GatewayUnderTest } from '../support/gateway.ts';
import { openEdgePublisher } from '../support/open-edge-publisher.ts';
import { consumer, documents, model, provider, route } from '../support/resource-files.ts';
import { startAgentInProcess } from '../support/running-agent.ts';

const KEY = 'sk-test-someone';
const CONVERSATIONS = Array.from({ length: 40 }, (_, i) => `conversation ${i}`);

describe('what a cluster says of its services', () => {
  let gateway: GatewayUnderTest;
  let publisher: Publisher;

  beforeAll(async () => {
    gateway = await startGateway({
      startAgent: startAgentInProcess,
      files: (simulator) => ({
        'all.yaml': documents(
          provider('a', { baseURL: `${simulator}/v1` }),
          provider('b', { baseURL: `${simulator}/v1` }),
          model('demo', { provider: 'a', model: 'demo' }, { provider: 'b', model: 'demo' }),
          route('chat', ['demo']),
          consumer('someone', KEY),
        ),
      }),
    });
    ({ publisher } = await openEdgePublisher(gateway.folder.path));
  });
  afterAll(() => gateway?.dispose());

  const send = (ttlMs: number, ...signals: readonly Omit<Signal, 'provider'>[]) =>
    publisher.sendSignals(
      { ttlMs, signals: signals.map((signal, i) => ({ provider: `default/${'ab'[i]}`, ...signal })) },
      new AbortController().signal,
    );

  /** The backend that each conversation meets. */
  const backends = (): Promise<(string | null)[]> =>
    Promise.all(
      CONVERSATIONS.map(async (conversation) => {
        const response = await fetch(`${gateway.edge.url}/v1/chat/completions`, {
          method: 'POST',
          headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
          body: JSON.stringify({
            model: 'demo',
            prompt_cache_key: conversation,
            messages: [{ role: 'user', content: 'Hello' }],
          }),
        });
        await response.text();
        return response.headers.get('x-fairlead-backend');
      }),
    );

  test('moves requests within seconds, and no longer than it holds', async () => {
    const usual = await backends();
    expect(new Set(usual)).toEqual(new Set(['a', 'b']));

    await send(60_000, { ready: 0 }, { ready: 1 });
    await eventually('nothing goes to a', async () => (await backends()).every((backend) => backend === 'b'));

    await send(60_000, { ready: 0, cold: true }, { ready: 0 });
    await eventually('what starts is preferred', async () => (await backends()).every((backend) => backend === 'a'));

    await send(60_000, { ready: 1, waiting: 500, cacheUse: 1 }, { ready: 1, waiting: 0, cacheUse: 0.1 });
    await eventually('some of what a has goes to b, and nothing of b to a', async () => {
      const now = await backends();
      const moved = now.filter((backend, i) => backend === 'b' && usual[i] === 'a').length;
      return moved > 3 && now.every((backend, i) => usual[i] === 'a' || backend === 'b') && now.includes('a');
    });

    await send(1000, { ready: 0 }, { ready: 1 });
    await eventually(
      'all is as without signals',
      async () => JSON.stringify(await backends()) === JSON.stringify(usual),
    );
  });
});
