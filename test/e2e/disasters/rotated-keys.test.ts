import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { makeSealingKey, makeSigningKey, type SealingKeyPair, type SigningKeyPair } from '../../../sync-agent/keys.ts';
import { renderClusterSecret, workerSealingKeys } from '../../../sync-agent/render-keys.ts';
import type { ClusterUnderTest } from '../../support/cluster-under-test.ts';
import { startEdgeUnderTest, trustList, type EdgeUnderTest } from '../../support/edge-under-test.ts';
import { edgeGateway } from '../../support/resource-files.ts';
import { signedCalls } from '../../support/signed-calls.ts';
import type { SteadyClient } from '../../support/steady-client.ts';

/** Each step is one that an operator may stop at for as long as he likes. */
describe('keys that are rotated while the gateway is in use', () => {
  let world: EdgeUnderTest;
  let cluster: ClusterUnderTest;
  let client: SteadyClient;
  let vars: Record<string, string>;
  let step = 0;

  beforeAll(async () => {
    world = await startEdgeUnderTest();
    ({ cluster } = world);
    vars = { ...world.vars };
    await cluster.publish(++step);
    await world.copiedToKv();
  });
  afterEach(() => world.endTest());
  afterAll(() => world?.dispose());

  const deploy = async (changes: Record<string, string>): Promise<void> => {
    vars = { ...vars, ...changes };
    await world.edge.redeploy({ vars });
    await client.rounds(3);
  };
  /** An edit passes, and an isolate without memory serves it. @param signing the key that the agent has by now */
  const works = async (signing = cluster.signing): Promise<void> => {
    await cluster.write(++step);
    await client.sees(step);
    const calls = () => signedCalls({ url: world.edge.url, cluster: 'test', signing });
    await world.copiedToKv({ ...cluster, calls });
    const [, second] = world.edge.isolates;
    await second?.stop({ wipe: true });
    await second?.start();
    await client.sees(step);
  };
  const writeSigningKey = (signingKey: SigningKeyPair): Promise<void> => {
    const { secretIdKey } = cluster;
    const secret = { namespace: 'default', name: 'edge-signing-key', signingKey, secretIdKey };
    return cluster.folder.write('signing-key.yaml', renderClusterSecret(secret));
  };
  const trust = (...keys: readonly SigningKeyPair[]) => ({ FAIRLEAD_CLUSTERS: trustList({ test: {} }, [keys]) });
  const sealed = (...keys: readonly SealingKeyPair[]) => ({ FAIRLEAD_SEALING_KEYS: workerSealingKeys(keys) });

  test('signing keys: the edge learns the new one, the agent changes over, the edge forgets the old one, and whoever still has that is told', async () => {
    const agent = await cluster.startAgent();
    client = world.startClient();
    await client.sees(step);
    const next = await makeSigningKey();
    await deploy(trust(cluster.signing, next));
    await works();
    await writeSigningKey(next);
    await works(next);
    await deploy(trust(next));
    await works(next);
    await agent.stop();
    await writeSigningKey(cluster.signing);
    const late = await cluster.startAgent();
    const failure = await late.events.next('a failure to publish', ({ type }) => type === 'failed');
    expect(failure).toMatchObject({ code: 'unauthorized', sentence: expect.stringContaining('FAIRLEAD_CLUSTERS') });
    await client.rounds(3);
    await client.sees(step);
    // Back to the beginning, for the next test.
    await deploy(trust(next, cluster.signing));
    await client.sees(step);
    await works();
  });

  test('a signing key that is taken away at once takes its table along: 503, never 401, until another key publishes', async () => {
    const next = await makeSigningKey();
    client = world.startClient();
    await client.sees(step);
    client.tolerate(503);
    vars = { ...vars, ...trust(next) };
    await world.edge.redeploy({ vars });
    await client.seesStatus(503);
    await writeSigningKey(next);
    await cluster.publish(++step);
    await client.sees(step);
    client.tolerate();
    await client.rounds(3);
    await writeSigningKey(cluster.signing);
    await deploy(trust(next, cluster.signing));
    await cluster.publish(++step);
  });

  test('sealing keys: the edge gets the new one, the agent seals anew, the edge drops the old one', async () => {
    const next = await makeSealingKey();
    const { kid, publicKey } = world.sealing;
    const gateway = (...sealingKeys: readonly { kid: string; publicKey: string }[]) =>
      cluster.folder.write('edge.yaml', edgeGateway({ endpoint: world.edge.url, clusterName: 'test', sealingKeys }));
    client = world.startClient();
    await client.sees(step);
    await cluster.startAgent();
    await deploy(sealed(world.sealing, next));
    await works();
    await gateway({ kid: next.kid, publicKey: next.publicKey }, { kid, publicKey });
    await works();
    await gateway({ kid: next.kid, publicKey: next.publicKey });
    await works();
    await deploy(sealed(next));
    await works();
  });
});
