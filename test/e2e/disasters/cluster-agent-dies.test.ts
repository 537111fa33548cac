import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ElectionTiming } from '../../../sync-agent/leader/election.ts';
import { isApiServerMissing } from '../../envtest/programs.ts';
import { interruptedAgent } from '../../support/interrupted-agent.ts';
import { startKubernetesWorld, type KubernetesWorld } from '../../support/kubernetes-world.ts';
import { consumer } from '../../support/resource-files.ts';

/** Every call that a pass, its report and the Lease consist of, as docs/disasters.md names them. */
const FAULT_POINTS = [
  'POST selfsubjectreviews',
  'GET namespaces',
  'GET discovery',
  'GET leases',
  'POST leases',
  'PUT leases',
  'POST term',
  'GET state',
  'GET blobs',
  'POST missing',
  'PUT blobs',
  'PUT pointer',
  'GET revision',
  'PATCH aimodels/status',
  'PATCH consumers/status',
  'PATCH edgegateways/status',
  'POST events',
  'GET edgegateways',
  'PATCH edgegateways',
] as const;

/** Others wait for a dead agent's Lease for as short as a busy machine allows. */
const FAST: ElectionTiming = { leaseMs: 3_000, renewDeadlineMs: 2_900, retryMs: 100 };

describe.skipIf(isApiServerMissing())('an agent in a cluster that dies', () => {
  let world: KubernetesWorld;
  let step = 0;
  let deaths = 0;

  beforeAll(async () => {
    world = await startKubernetesWorld();
    await world.write(++step);
    const first = world.startAgentHere();
    await world.statusIsTrue();
    await first.stop();
  });
  afterEach(() => world.endTest());
  afterAll(() => world?.dispose());

  /** A table that needs every kind of call: blobs that are new, status and Events of what is new, a finalizer. */
  const edit = async (): Promise<void> => {
    step += 1;
    const policy = JSON.stringify({ spec: { deletionPolicy: step % 2 === 0 ? 'Evict' : 'Retain' } });
    await Promise.all([
      world.write(step),
      world.apply(consumer(`extra-${step}`, `sk-extra-${step}`)),
      world.api.kubectl(['delete', 'consumer', `extra-${step - 1}`, '--ignore-not-found']),
      world.api.kubectl(['patch', 'edgegateway', 'edge', '--type=merge', '-p', policy]),
    ]);
  };

  test.each([
    ['unsent', 'before'],
    ['unheard', 'after'],
  ] as const)(
    'leaves nothing half done, whichever call was %s, and the next agent makes edge and status true',
    async (_, point) => {
      const client = world.startClient();
      for (const name of FAULT_POINTS) {
        const lease = `dies-${(deaths += 1)}`;
        // A renewal comes after a while; every other Lease is one that nobody has held yet.
        const timing = name.endsWith('leases') ? { timing: FAST } : {};
        await edit();
        const dying = interruptedAgent(name, point);
        const agent = world.startAgentHere({ flags: ['--lease-name', lease], doors: { ...dying.doors, ...timing } });
        await Promise.race([
          dying.died,
          agent.ended.then((code) => expect.fail(`the agent ended with ${code} before ${name}`)),
          agent.lines.next(name, () => false, 20_000),
        ]);
        // Either table is whole; which one is served depends on whether the pointer got there.
        await client.rounds(1);
        const next = name.endsWith('leases') ? lease : `${lease}-next`;
        const successor = world.startAgentHere({ flags: ['--lease-name', next], doors: timing });
        await client.sees(step);
        await world.statusIsTrue();
        dying.bury();
        await Promise.all([agent.stop(), successor.stop()]);
      }
    },
    240_000,
  );
});
