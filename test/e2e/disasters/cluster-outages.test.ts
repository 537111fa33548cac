import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { isApiServerMissing } from '../../envtest/programs.ts';
import { consumer } from '../../support/resource-files.ts';
import { startKubernetesWorld, type KubernetesWorld } from '../../support/kubernetes-world.ts';

describe.skipIf(isApiServerMissing())('a cluster and its edge, while parts of them are away', () => {
  let world: KubernetesWorld;
  let step = 0;

  beforeAll(async () => {
    world = await startKubernetesWorld();
    await world.write(++step);
  });
  afterEach(() => world.endTest());
  afterAll(() => world?.dispose());

  const start = async () => {
    const agent = world.startAgent({ resyncSeconds: 1 });
    await world.programmed('aimodel/model-of-test');
    const client = world.startClient();
    await client.sees(step);
    return { agent, client };
  };

  test('the API server: the edge serves on, and what is applied afterwards arrives', async () => {
    const { client } = await start();
    await world.api.halt();
    await client.rounds(30);
    await world.api.resume();
    await world.write(++step);
    await client.sees(step);
    await world.programmed('aimodel/model-of-test');
  });

  test('the API server, and the agent starts meanwhile: nothing is emptied, and it goes on by itself', async () => {
    const { agent, client } = await start();
    await agent.kill();
    await world.api.halt();
    const next = world.startAgent({ resyncSeconds: 1 });
    await client.rounds(30);
    await world.api.resume();
    await world.write(++step);
    await client.sees(step);
    expect(next.lines.all.some(({ message }) => message === 'leading')).toBe(true);
  });

  test('the whole edge: status says so, nothing piles up, and recovery needs nobody', async () => {
    const { client } = await start();
    await client.stop();
    await Promise.all([world.edge.hub, ...world.edge.isolates].map((part) => part.stop()));
    for (let edit = 0; edit < 5; edit++) await world.write(++step);
    await world.api.kubectl([
      'wait',
      '--for=jsonpath={.status.conditions[?(@.type=="Programmed")].reason}=PublishFailed',
      'aimodel/model-of-test',
      '--timeout=60s',
    ]);
    await world.edge.hub.start();
    await Promise.all(world.edge.isolates.map((part) => part.start()));
    const others = world.startClient();
    await others.sees(step);
    await world.programmed('aimodel/model-of-test');
  });

  test('one of two isolates: the other serves what is new, and the first does when it is back', async () => {
    const { client } = await start();
    await world.edge.isolates[1]?.stop();
    await world.write(++step);
    await client.sees(step, [world.edge.urls[0] ?? '']);
    await world.edge.isolates[1]?.start();
    await client.sees(step);
    await world.programmed('aimodel/model-of-test');
  });

  test('CRDs deleted: the edge serves on, and what is applied once they are back arrives', async () => {
    const { client } = await start();
    await world.api.kubectl(['delete', 'crd', 'aimodels.fairlead.dev', 'consumers.fairlead.dev', '--wait=true']);
    await client.rounds(30);
    await world.populate();
    await world.write(++step);
    await client.sees(step);
    await world.programmed('aimodel/model-of-test');
  });

  test('an agent that dies in the midst of edits leaves nothing that the next would have to mend', async () => {
    const { agent, client } = await start();
    let running = agent;
    for (let round = 0; round < 3; round++) {
      await world.write(++step);
      await world.apply(consumer(`extra-${step}`, `sk-extra-${step}`));
      await running.kill();
      // What died holds the Lease until it expires; another name leads at once.
      running = world.startAgent({ resyncSeconds: 1, flags: ['--lease-name', `round-${round}`] });
      await client.sees(step);
    }
  });
});
