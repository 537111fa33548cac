import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { isApiServerMissing } from '../../envtest/programs.ts';
import type { AgentInCluster } from '../../support/agent-in-cluster.ts';
import { startKubernetesWorld, type KubernetesWorld } from '../../support/kubernetes-world.ts';
import { metricOf } from '../../support/metric-of.ts';
import { consumer, route } from '../../support/resource-files.ts';
import { SECOND, startSecondEdge, type SecondEdge } from '../../support/second-edge.ts';

const BOTH = { parentRefs: [{ name: 'edge' }, { name: SECOND }] };
const DEAD = `edgegateway/${SECOND}`;

describe.skipIf(isApiServerMissing())('a cluster with two edges, of which one is dead', () => {
  let world: KubernetesWorld;
  let other: SecondEdge;
  let step = 0;

  beforeAll(async () => {
    world = await startKubernetesWorld();
    other = await startSecondEdge(world.api);
  });
  afterEach(async () => {
    await other.endTest();
    await world.endTest();
  });
  afterAll(async () => {
    await Promise.all([world?.dispose(), other?.dispose()]);
  });

  const kubectl = (...args: string[]) => world.api.kubectl(args);
  const parts = () => [other.edge.hub, ...other.edge.isolates];
  const client = () => world.startClient();

  /** Both edges serve what is attached to both, and then the second one dies. */
  const start = async (spec: Readonly<Record<string, unknown>> = {}): Promise<AgentInCluster> => {
    const { clientKey, model } = world.edgeUnderTest.cluster;
    await world.write(++step);
    await world.apply(
      [route('chat', [model], BOTH), consumer('someone', clientKey, BOTH), other.gateway(spec)].join('---\n'),
    );
    const agent = world.startAgentHere({ flags: ['--http-address', '127.0.0.1:0'] });
    for (const edge of [world, other]) {
      const both = edge.startClient();
      // Before there is a table.
      both.tolerate(503, 404, 401);
      await both.sees(step);
    }
    await everythingIsProgrammed(model);
    await Promise.all(parts().map((part) => part.stop()));
    return agent;
  };

  const everythingIsProgrammed = async (model: string): Promise<void> => {
    for (const what of ['edgegateway/edge', DEAD, `aimodel/${model}`, 'gatewayroute/chat'])
      await world.programmed(what);
  };

  test('publishes to the living one, says of each resource how it stands at which, and nothing piles up', async () => {
    const agent = await start();
    const living = client();
    for (let edit = 0; edit < 10; edit++) await world.write(++step);
    await living.sees(step);
    const { model } = world.edgeUnderTest.cluster;
    await kubectl(
      'wait',
      `aimodel/${model}`,
      '--timeout=30s',
      '--for=jsonpath={.status.conditions[?(@.type=="Programmed")].reason}=PublishFailed',
    );
    const programmedAt = async (edge: string) =>
      kubectl(
        'get',
        `aimodel/${model}`,
        '-o',
        `jsonpath={.status.parents[?(@.parentRef.name=="${edge}")].conditions[?(@.type=="Programmed")].status}`,
      );
    await expect.poll(() => programmedAt('edge'), { timeout: 20_000 }).toBe('True');
    expect(await programmedAt(SECOND)).toBe('False');
    await world.programmed('edgegateway/edge');
    expect(await kubectl('get', DEAD, '-o', 'jsonpath={.status.lastError.message}')).toContain(other.edge.url);
    // Everything that could be written is: what cannot be published is no work of the queue.
    await expect.poll(() => metricOf(agent, 'workqueue_depth{name="status"}'), { timeout: 40_000 }).toBe(0);
    const { sequence } = JSON.parse(
      await kubectl('get', 'edgegateway/edge', '-o', 'jsonpath={.status.published.generation}'),
    );
    expect(sequence).toBeGreaterThan(1);

    for (const part of parts()) await part.start();
    await other.startClient().sees(step);
    await everythingIsProgrammed(model);
  });

  test('kubectl delete of the EdgeGateway of a dead edge returns, where that is to be retained', async () => {
    await start();
    await kubectl('delete', DEAD, '--timeout=10s');
    await world.write(++step);
    await client().sees(step);
    // What it published is served on when it is back.
    for (const part of parts()) await part.start();
    const past = other.startClient();
    await past.rounds(3);
    await past.sees(step - 1);
  });

  test('one that is to be evicted stays until the edge is back, and says what it waits for', async () => {
    await start({ deletionPolicy: 'Evict' });
    await expect
      .poll(() => kubectl('get', DEAD, '-o', 'jsonpath={.metadata.finalizers}'), { timeout: 20_000 })
      .toContain('fairlead.dev/edge');
    await kubectl('delete', DEAD, '--wait=false');
    await expect
      .poll(() => kubectl('get', DEAD, '-o', 'jsonpath={.status.lastError.message}'), { timeout: 20_000 })
      .toMatch(/not evicted yet: .*"deletionPolicy":"Retain"/);
    // The living edge has nothing to do with it.
    await world.write(++step);
    await client().sees(step);
    for (const part of parts()) await part.start();
    const evicted = other.startClient();
    // Nobody else publishes there: an edge without any table.
    evicted.tolerate(503);
    await kubectl('wait', '--for=delete', DEAD, '--timeout=40s');
    await evicted.seesStatus(503);
    expect((await (await other.cluster.calls()).state()).current).toBeNull();
  });

  test('one that is to be evicted goes at once when somebody decides to retain what it published', async () => {
    await start({ deletionPolicy: 'Evict' });
    await expect
      .poll(() => kubectl('get', DEAD, '-o', 'jsonpath={.metadata.finalizers}'), { timeout: 20_000 })
      .toContain('fairlead.dev/edge');
    await kubectl('delete', DEAD, '--wait=false');
    await kubectl('patch', DEAD, '--type=merge', '-p', JSON.stringify({ spec: { deletionPolicy: 'Retain' } }));
    await kubectl('wait', '--for=delete', DEAD, '--timeout=20s');
    for (const part of parts()) await part.start();
    const past = other.startClient();
    await past.sees(step);
  });
});
