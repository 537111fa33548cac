import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { PUBLISH_PATHS } from '../../../contract/publish-api.ts';
import type { Signal } from '../../../contract/signals.ts';
import type { ClusterUnderTest } from '../../support/cluster-under-test.ts';
import { startEdgeUnderTest, type EdgeUnderTest } from '../../support/edge-under-test.ts';
import { eventually } from '../../support/eventually.ts';
import { documents, model, route } from '../../support/resource-files.ts';

/** Both may serve one name, so that their backends unite; each has its own provider, of the same namespace and name. */
const SHARED = 'model-of-test';
const TRUSTS = { test: { models: [SHARED] }, other: { models: [SHARED, 'model-of-other'] } };
const PROVIDER = 'default/simulator';
const CONVERSATIONS = Array.from({ length: 24 }, (_, i) => `conversation ${i}`);

describe('two clusters on one edge whose services have one namespace and name', () => {
  let world: EdgeUnderTest;
  let cluster: ClusterUnderTest;
  let other: ClusterUnderTest;

  beforeAll(async () => {
    world = await startEdgeUnderTest({ clusters: TRUSTS });
    ({ cluster } = world);
    other = world.clusters[1] ?? cluster;
    await other.folder.write(
      'shared.yaml',
      documents(model(SHARED, { provider: 'simulator', model: 'step-2' }), route('shared', [SHARED])),
    );
    await Promise.all([cluster.publish(1), other.publish(3)]);
  });
  afterEach(() => world.endTest());
  afterAll(() => world?.dispose());

  const send = async (from: ClusterUnderTest, to: ClusterUnderTest, ...signals: readonly Signal[]): Promise<number> => {
    const calls = await from.calls();
    const body = JSON.stringify({ ttlMs: 60_000, signals });
    return (await calls.call('PUT', PUBLISH_PATHS.signals(to.name), body)).status;
  };
  /** Which tables the answers to all conversations come from, at each isolate. */
  const answered = async (): Promise<string> => {
    const steps = world.edge.urls.flatMap((url) =>
      CONVERSATIONS.map(async (conversation) => {
        const response = await fetch(`${url}/v1/chat/completions`, {
          method: 'POST',
          headers: { authorization: `Bearer ${cluster.clientKey}`, 'content-type': 'application/json' },
          body: JSON.stringify({
            model: SHARED,
            prompt_cache_key: conversation,
            messages: [{ role: 'user', content: 'Hello' }],
          }),
        });
        return /step-\d/.exec(await response.text())?.[0] ?? String(response.status);
      }),
    );
    return [...new Set(await Promise.all(steps))].toSorted().join();
  };
  const expectAnswers = (steps: string) =>
    eventually(`answers come from ${steps}`, async () => (await answered()) === steps);

  test('what one says of its own moves nothing that is the other’s', async () => {
    await expectAnswers('step-1,step-2');
    await send(cluster, cluster, { provider: PROVIDER, ready: 0 });
    await expectAnswers('step-2');
    await send(cluster, cluster);
    await send(other, other, { provider: PROVIDER, ready: 0 });
    await expectAnswers('step-1');
    await send(other, other);
    await expectAnswers('step-1,step-2');
  });

  test('what one says, or asks, in the name of the other is refused', async () => {
    expect(await send(other, cluster, { provider: PROVIDER, ready: 0 })).toBe(401);
    const question = {
      provider: PROVIDER,
      entry: {
        dialect: 'OpenAI',
        baseURL: `${world.simulator.url}/v1`,
        headers: [],
        timeouts: {},
        allow: { privateAddresses: true, plainText: true },
      },
      secrets: {},
      paths: [''],
    };
    const calls = await other.calls();
    expect(await calls.call('POST', PUBLISH_PATHS.sighting(cluster.name), JSON.stringify(question))).toMatchObject({
      status: 401,
    });
    await expectAnswers('step-1,step-2');
  });
});
