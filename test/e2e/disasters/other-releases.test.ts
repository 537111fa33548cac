import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { canonicalJson } from '../../../contract/canonical-json.ts';
import { sha256Hex } from '../../../contract/encoding.ts';
import { PUBLISH_PATHS } from '../../../contract/publish-api.ts';
import { signPointer } from '../../../contract/revision.ts';
import { bundleAgent } from '../../../dev/bundle-agent.ts';
import type { ClusterUnderTest } from '../../support/cluster-under-test.ts';
import { bundleFaultyWorker, startEdgeUnderTest, type EdgeUnderTest } from '../../support/edge-under-test.ts';
import { model, route } from '../../support/resource-files.ts';
import { startAgentProcess } from '../../support/running-agent.ts';
import type { SignedCalls } from '../../support/signed-calls.ts';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';

/** Another release of agent and worker: what it reads and writes. Today's reads and writes 1. */
function release(known: readonly number[], features: readonly string[] = []) {
  return {
    'contract/schema-version.ts': () =>
      `export const KNOWN_SCHEMA_VERSIONS = ${JSON.stringify(known)}; export const SCHEMA_VERSION = ${known.at(-1)};`,
    'contract/features.ts': (source: string) =>
      source.replace(
        /KNOWN_FEATURES: readonly string\[\] = \[.*?\]/s,
        `KNOWN_FEATURES: readonly string[] = ${JSON.stringify(features)}`,
      ),
  };
}
const NEXT = release([1, 2], ['time-travel']);
const AFTER_NEXT = release([2], ['time-travel']);

describe('agent and workers of different releases', () => {
  let world: EdgeUnderTest;
  let cluster: ClusterUnderTest;
  let calls: SignedCalls;
  let folder: TemporaryFolder;
  let today: string;
  let next: string;
  let nextAgent: string;
  let afterNextAgent: string;
  let step = 0;

  beforeAll(async () => {
    folder = await temporaryFolder();
    [world, today, next] = await Promise.all([startEdgeUnderTest(), bundleFaultyWorker(), bundleFaultyWorker(NEXT)]);
    nextAgent = await bundleAgent(join(folder.path, 'next'), { replace: NEXT });
    afterNextAgent = await bundleAgent(join(folder.path, 'after-next'), { replace: AFTER_NEXT });
    ({ cluster } = world);
    calls = await cluster.calls();
  });
  afterEach(() => world.endTest());
  afterAll(async () => {
    await world?.dispose();
    await folder?.dispose();
  });

  const deploy = async (part: 'hub' | 0 | 1, script: string): Promise<void> => {
    const deployed = part === 'hub' ? world.edge.hub : world.edge.isolates[part];
    await deployed?.stop();
    await deployed?.start({ script });
  };
  const servedVersion = async () => (await calls.state()).current?.pointer.schemaVersion;

  test('an agent of the next release writes what the workers of today read, and the next version once the last of them is replaced; and back', async () => {
    await cluster.write(++step);
    const agent = await startAgentProcess(cluster.folder.path, { main: nextAgent, resyncSeconds: 1 });
    const client = world.startClient();
    client.tolerate(503);
    await client.sees(step);
    client.tolerate();
    expect(await servedVersion()).toBe(1);

    await deploy('hub', next);
    await deploy(0, next);
    await client.rounds(3);
    await cluster.write(++step);
    await client.sees(step);
    expect(await servedVersion()).toBe(1);

    await deploy(1, next);
    await client.rounds(3);
    await expect.poll(servedVersion, { timeout: 20_000 }).toBe(2);
    await cluster.write(++step);
    await client.sees(step);

    // Taken back: an old isolate begins with the newest that it can read, which may be older than what was served here,
    // and the agent comes down to it.
    await client.stop();
    expect(client.complaints).toEqual([]);
    await deploy(0, today);
    const again = world.startClient();
    await again.sees(step);
    expect(await servedVersion()).toBe(1);
    await deploy(1, today);
    await deploy('hub', today);
    await cluster.write(++step);
    await again.sees(step);
    await agent.stop();
  });

  test('an agent of today works with workers of the next release', async () => {
    await deploy('hub', next);
    await deploy(0, next);
    await deploy(1, next);
    await cluster.publish(++step);
    const client = world.startClient();
    await client.sees(step);
    expect(await servedVersion()).toBe(1);
    await deploy('hub', today);
    await deploy(0, today);
    await deploy(1, today);
    await client.sees(step);
  });

  test('an agent that cannot write what the workers read says so, and the edge goes on', async () => {
    await cluster.publish(++step);
    const client = world.startClient();
    await client.sees(step);
    await cluster.write(step + 1);
    const agent = await startAgentProcess(cluster.folder.path, { main: afterNextAgent, resyncSeconds: 1 });
    const line = await agent.lines.next('that nothing is published', ({ message }) => message === 'not published');
    expect(line['reason']).toMatch(/all read version 1 .* deploy a worker/);
    await client.rounds(3);
    await client.sees(step);
    await agent.stop();
  });

  test('an entry that requires what a worker does not know is refused to those whom it concerns alone, and served where it is known', async () => {
    await cluster.folder.write(
      'special.yaml',
      `${model('special', { provider: 'simulator', model: `step-${step + 1}` })}---\n${route('special', ['special'])}`,
    );
    await cluster.publish(++step);
    const client = world.startClient();
    await client.sees(step);
    await requireOfModel('default/special', 'time-travel');
    const special = world.startClient({ ...cluster, model: 'special' });
    special.tolerate(500);
    await special.seesStatus(500);
    await deploy(1, next);
    await special.sees(step, [world.edge.urls[1] ?? '']);
    await special.seesStatus(500, [world.edge.urls[0] ?? '']);
    await client.rounds(3);
    await client.sees(step);
  });

  /** As an agent of the next release would, once it knows that some workers know the feature. */
  const requireOfModel = async (id: string, feature: string): Promise<void> => {
    const { current } = await calls.state();
    if (current === null) throw new Error('the hub holds nothing');
    const { pointer } = current;
    const models = await Promise.all(
      pointer.sections.models.map(async (hash) => {
        const bucket = JSON.parse((await calls.call('GET', PUBLISH_PATHS.blob('test', hash))).text);
        if (!(id in bucket)) return hash;
        const text = canonicalJson({ ...bucket, [id]: { ...bucket[id], requires: [feature] } });
        const changed = await sha256Hex(text);
        await calls.call('PUT', PUBLISH_PATHS.blob('test', changed), text);
        return changed;
      }),
    );
    const { generation } = pointer;
    const draft = {
      ...pointer,
      generation: { ...generation, sequence: generation.sequence + 1 },
      replaces: generation,
      sections: { ...pointer.sections, models },
    };
    expect(await calls.putPointer(await signPointer(draft, calls.key))).toMatchObject({ status: 200 });
  };
});
