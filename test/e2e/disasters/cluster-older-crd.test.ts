import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { isApiServerMissing } from '../../envtest/programs.ts';
import { startKubernetesWorld, type KubernetesWorld } from '../../support/kubernetes-world.ts';
import { consumer, model } from '../../support/resource-files.ts';

const KINDS = ['aimodels', 'consumers', 'edgegateways'];

describe.skipIf(isApiServerMissing())('a resource that was valid when it was stored', () => {
  let world: KubernetesWorld;
  let step = 0;

  beforeAll(async () => {
    world = await startKubernetesWorld();
    await world.write(++step);
  });
  afterEach(() => world.endTest());
  afterAll(() => world?.dispose());

  const kubectl = (...args: string[]) => world.api.kubectl(args);
  const condition = (what: string, type: string, field: string) =>
    kubectl('get', what, '-o', `jsonpath={.status.conditions[?(@.type=="${type}")].${field}}`);

  /** Stores what no CRD of ours lets through, as a CRD of another release would have. */
  const storeUnderAnother = async (change: () => Promise<unknown>): Promise<void> => {
    const ours = new Map<string, { spec: { versions: { schema: unknown }[] } }>();
    for (const kind of KINDS) {
      const file = new URL(`../../../crds/manifests/fairlead.dev_${kind}.yaml`, import.meta.url);
      ours.set(kind, parse(await readFile(file, 'utf8')));
    }
    const anything = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
    for (const crd of ours.values()) {
      const versions = crd.spec.versions.map((version) => ({ ...version, schema: anything }));
      await world.apply(JSON.stringify({ ...crd, spec: { ...crd.spec, versions } }));
    }
    // The schema is in force a moment after it was stored.
    await expect.poll(() => change().then(() => 'stored', String), { timeout: 20_000 }).toBe('stored');
    for (const crd of ours.values()) await world.apply(JSON.stringify(crd));
  };

  test('and no longer is is left out and says why, all others ship, and a valid apply mends it', async () => {
    await storeUnderAnother(async () => {
      await world.apply(model('of-old', { provider: 'simulator', weight: -5 }));
      await world.apply(consumer('of-old', 'sk-of-old', { allowedModels: 'all' }));
    });
    world.startAgentHere();
    const client = world.startClient();
    // Before there is a table.
    client.tolerate(503);
    await client.sees(step);
    client.tolerate();
    for (const what of ['aimodel/of-old', 'consumer/of-old']) {
      await kubectl('wait', what, '--for=condition=Accepted=False', '--timeout=20s');
      expect(await condition(what, 'Accepted', 'reason')).toBe('Invalid');
    }
    expect(await condition('aimodel/of-old', 'Accepted', 'message')).toMatch(/^spec\.backends\[0\]\.weight.*left out/);
    expect(await condition('consumer/of-old', 'Accepted', 'message')).toMatch(/^spec\.allowedModels.*left out/);
    await world.write(++step);
    await client.sees(step);
    await world.programmed('aimodel/model-of-test');

    await world.apply(model('of-old', { provider: 'simulator', weight: 5 }));
    await world.apply(consumer('of-old', 'sk-of-old'));
    await kubectl('wait', 'aimodel/of-old', '--for=condition=Accepted', '--timeout=20s');
    await world.programmed('consumer/of-old');
    await kubectl('delete', 'aimodel/of-old', 'consumer/of-old');
  });

  test('as it becomes invalid under a running agent takes nothing with it, and says so', async () => {
    world.startAgentHere();
    await kubectl('patch', 'edgegateway/edge', '--type=merge', '-p', '{"spec":{"deletionPolicy":"Evict"}}');
    await world.statusIsTrue();
    const client = world.startClient();
    await client.sees(step);
    // An EdgeGateway that cannot be read is not one that somebody has deleted.
    const spoil = JSON.stringify({ spec: { deletionPolicy: 'Archive' } });
    await storeUnderAnother(() => kubectl('patch', 'edgegateway/edge', '--type=merge', '-p', spoil));
    await kubectl('wait', 'edgegateway/edge', '--for=condition=Accepted=False', '--timeout=20s');
    expect(await condition('edgegateway/edge', 'Accepted', 'message')).toContain('deletionPolicy');
    await client.rounds(20);
    await client.sees(step);
    // What is attached to it is kept up all the same.
    await world.write(++step);
    await client.sees(step);
    await kubectl('patch', 'edgegateway/edge', '--type=merge', '-p', '{"spec":{"deletionPolicy":"Retain"}}');
    await world.write(++step);
    await client.sees(step);
    await world.statusIsTrue();
  });
});
