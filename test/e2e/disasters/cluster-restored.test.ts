import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ElectionTiming } from '../../../sync-agent/leader/election.ts';
import { isApiServerMissing } from '../../envtest/programs.ts';
import { consumer } from '../../support/resource-files.ts';
import { startKubernetesWorld, type KubernetesWorld } from '../../support/kubernetes-world.ts';

/** Soon at the Lease, and in no hurry to lose it. */
const PATIENT: ElectionTiming = { leaseMs: 60_000, renewDeadlineMs: 50_000, retryMs: 200 };

const MODEL = 'aimodel/model-of-test';

describe.skipIf(isApiServerMissing())('a cluster that is not what it was', () => {
  let world: KubernetesWorld;
  let step = 0;

  beforeAll(async () => {
    world = await startKubernetesWorld();
    await world.write(++step);
  });
  afterEach(() => world.endTest());
  afterAll(() => world?.dispose());

  test('restored from a copy of etcd it publishes what it says now, above what was published since', async () => {
    const copy = await world.api.backUp();
    const agent = world.startAgent({ resyncSeconds: 1 });
    await world.write(++step);
    await world.statusIsTrue();
    const first = world.startClient();
    await first.sees(step);
    await first.stop();
    await agent.kill();
    await world.api.restore(copy);
    await world.write(++step);
    world.startAgent({ resyncSeconds: 1, flags: ['--lease-name', 'restored'] });
    const client = world.startClient();
    // The status in the copy knows of an older generation only: the hub tells the newer one.
    await client.sees(step);
    await world.statusIsTrue();
  });

  test('restored from a copy of etcd under an agent that runs it goes on from what the cluster says now', async () => {
    const agent = world.keepAgentHere({ doors: { timing: PATIENT } });
    await agent.lines.next('it to lead', ({ message }) => message === 'leading');
    await world.write(++step);
    await world.statusIsTrue();
    const copy = await world.api.backUp();
    const client = world.startClient();
    await world.apply(consumer('of-the-future', 'sk-of-the-future'));
    const ofTheFuture = world.startClient({ ...world.edgeUnderTest.cluster, clientKey: 'sk-of-the-future' });
    ofTheFuture.tolerate(401);
    await ofTheFuture.sees(step);
    // The cluster knows no more of what was applied since the copy, and so will the edge.
    await world.api.restore(copy);
    await ofTheFuture.seesStatus(401);
    await world.write(++step);
    await client.sees(step);
    await world.statusIsTrue();
    expect(agent.exits).toEqual([]);
  });

  test('created anew under the same name it is refused until it is adopted, and says so', async () => {
    const agent = world.startAgent({ resyncSeconds: 1, flags: ['--lease-name', 'first'] });
    await world.programmed(MODEL);
    const client = world.startClient();
    await world.write(++step);
    await client.sees(step);
    await agent.kill();
    await world.api.restore();
    await world.populate();
    await world.write(++step);
    world.startAgent({ resyncSeconds: 1 });
    await world.api.kubectl([
      'wait',
      '--for=jsonpath={.status.conditions[?(@.type=="Programmed")].reason}=PublishFailed',
      'edgegateway/edge',
      '--timeout=60s',
    ]);
    const message = await world.api.kubectl([
      'get',
      'edgegateway/edge',
      '-o',
      'jsonpath={.status.conditions[?(@.type=="Programmed")].message}',
    ]);
    expect(message).toContain('uid');
    // What the first cluster published is served on.
    await client.sees(step - 1);
  });
});
