import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { isApiServerMissing } from '../../envtest/programs.ts';
import { hurriedClock } from '../../support/hurried-clock.ts';
import { startKubernetesWorld, type KubernetesWorld } from '../../support/kubernetes-world.ts';
import { metricOf } from '../../support/metric-of.ts';

const MODEL = 'aimodel/model-of-test';
const MINUTE_MS = 60_000;

describe.skipIf(isApiServerMissing())('a cluster whose edge is away', () => {
  let world: KubernetesWorld;
  let step = 0;

  beforeAll(async () => {
    world = await startKubernetesWorld();
  });
  afterEach(() => world.endTest());
  afterAll(() => world?.dispose());

  const kubectl = (...args: string[]) => world.api.kubectl(args);
  const programmed = (field: string) => `{.status.conditions[?(@.type=="Programmed")].${field}}`;
  const failsToPublish = (what: string) =>
    kubectl('wait', what, `--for=jsonpath=${programmed('reason')}=PublishFailed`, '--timeout=60s');

  /** An agent to whom a minute is six seconds, and what it has published. */
  const start = async () => {
    const clock = hurriedClock(10);
    const agent = world.keepAgentHere({ flags: ['--http-address', '127.0.0.1:0'], doors: { clock } });
    await world.write(++step);
    await world.statusIsTrue();
    const client = world.startClient();
    await client.sees(step);
    return { agent, client, minute: () => clock.wait(MINUTE_MS, new AbortController().signal) };
  };

  test('for a minute: status says so, nothing piles up, and recovery needs nobody', async () => {
    const { agent, client, minute } = await start();
    const parts = [world.edge.hub, ...world.edge.isolates];
    await client.stop();
    await Promise.all(parts.map((part) => part.stop()));
    for (let edit = 0; edit < 5; edit++) await world.write(++step);
    await minute();
    await failsToPublish(MODEL);
    expect(await kubectl('get', MODEL, '-o', `jsonpath=${programmed('message')}`)).toContain(world.edge.url);
    expect(await kubectl('get', 'edgegateway/edge', '-o', 'jsonpath={.status.lastError.message}')).toContain(
      world.edge.url,
    );
    await expect.poll(() => metricOf(agent, 'workqueue_depth{name="status"}'), { timeout: 40_000 }).toBe(0);
    await Promise.all(parts.map((part) => part.start()));
    await world.startClient().sees(step);
    await world.statusIsTrue();
    expect(agent.exits).toEqual([]);
  });

  test('the hub alone: isolates serve on, status says what waits, and it arrives once the hub is back', async () => {
    const { agent, client, minute } = await start();
    await world.edge.hub.stop();
    await world.write(step + 1);
    await failsToPublish(MODEL);
    await minute();
    await client.rounds(5);
    await client.sees(step);
    // What is served has not changed: resources that are as they were are Programmed still, or are said not to be.
    expect(await kubectl('get', 'edgegateway/edge', '-o', 'jsonpath={.status.lastError.message}')).not.toBe('');
    await world.edge.hub.start();
    await client.sees(++step);
    await world.statusIsTrue();
    expect(agent.exits).toEqual([]);
  });

  test('one of two isolates: the other serves what is new, and the first does when it is back', async () => {
    const { client } = await start();
    await world.edge.isolates[1]?.stop();
    await world.write(++step);
    await client.sees(step, [world.edge.urls[0] ?? '']);
    await world.edge.isolates[1]?.start();
    await client.sees(step);
    await world.statusIsTrue();
  });
});
