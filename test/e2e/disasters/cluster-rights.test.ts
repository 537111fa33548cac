import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openKubernetesApi } from '../../../sync-agent/kubernetes/open-kubernetes-api.ts';
import type { ElectionTiming } from '../../../sync-agent/leader/election.ts';
import { EXIT } from '../../../sync-agent/run-agent.ts';
import type { ClusterDoors } from '../../../sync-agent/run-in-cluster.ts';
import { isApiServerMissing } from '../../envtest/programs.ts';
import { keepAgentInCluster, type KeptAgent } from '../../support/agent-in-cluster.ts';
import { AGENT_ACCOUNT, AGENT_NAMESPACE, agentToken, renderChart } from '../../support/chart.ts';
import { startFaultProxy, type FaultProxy } from '../../support/fault-proxy.ts';
import { hurriedClock } from '../../support/hurried-clock.ts';
import { startKubernetesWorld, type KubernetesWorld } from '../../support/kubernetes-world.ts';
import { documents, provider, secret } from '../../support/resource-files.ts';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';

/** Soon at the Lease, and in no hurry to lose it. */
const PATIENT: ElectionTiming = { leaseMs: 60_000, renewDeadlineMs: 50_000, retryMs: 200 };
const FAST: ElectionTiming = { leaseMs: 3_000, renewDeadlineMs: 2_500, retryMs: 100 };

const NAMES = ['edge-signing-key', 'upstream', 'later'];

describe.skipIf(isApiServerMissing())('an agent under the rights of the chart', () => {
  let world: KubernetesWorld;
  let proxy: FaultProxy;
  let account: TemporaryFolder;
  let chart: string;
  let step = 0;

  beforeAll(async () => {
    world = await startKubernetesWorld();
    chart = await renderChart({ credentials: [{ namespace: 'default', names: NAMES }] });
    await giveRights();
    proxy = await startFaultProxy(world.api);
    account = await temporaryFolder({
      token: await agentToken(world.api),
      'ca.crt': world.api.certificateAuthority,
      namespace: AGENT_NAMESPACE,
    });
    await world.write(++step);
  });
  afterEach(() => world.endTest());
  afterAll(async () => {
    await proxy?.stop();
    await Promise.all([world?.dispose(), account?.dispose()]);
  });

  const kubectl = (...args: string[]) => world.api.kubectl(args);
  const giveRights = () => world.api.kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], chart);
  /** RBAC asks nobody who is already watching: what is open is closed, as it is every few minutes anyhow. */
  const revoke = async (...binding: string[]): Promise<void> => {
    await kubectl('delete', ...binding);
    proxy.resetAll();
  };

  /** As in a pod, whose folder of the service account is given. */
  const start = async (doors: Partial<ClusterDoors> = {}, flags: readonly string[] = []): Promise<KeptAgent> => {
    const { port } = new URL(proxy.url);
    const agent = keepAgentInCluster({
      env: { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: port },
      flags: ['--lease-name', 'fairlead-sync-agent', '--resync-seconds', '1', ...flags],
      doors: {
        clock: hurriedClock(10),
        timing: PATIENT,
        openApi: (options) => openKubernetesApi({ ...options, serviceAccountFolder: account.path }),
        ...doors,
      },
    });
    onTestFinished(() => agent.stop());
    await says(agent, 'leading');
    await world.statusIsTrue();
    return agent;
  };
  const says = (agent: KeptAgent, text: string) =>
    agent.lines.next(text, ({ message, reason }) => `${message} ${String(reason)}`.includes(text));

  test('that may read Secrets no more keeps their values, says so, and reads others once it may again', async () => {
    const agent = await start();
    const client = world.startClient();
    await revoke('rolebinding', 'fairlead-credentials', '-n', 'default');
    await says(agent, 'Secret default/upstream may not be read any more; its last value stays in use. Run: kubectl');
    const auth = { type: 'APIKey', apiKey: { type: 'SecretRef', secretRef: { name: 'later', key: 'key' } } };
    await world.apply(
      documents(
        secret('later', 'later.example.com', { key: 'sk-later' }),
        provider('later', { baseURL: 'https://later.example.com/v1', auth }),
      ),
    );
    await world.write(++step);
    await client.sees(step);
    await world.programmed('aimodel/model-of-test');
    await giveRights();
    // Named by a model the provider would ship: that it is not at fault says that its Secret was read.
    await world.apply(
      JSON.stringify({
        apiVersion: 'fairlead.dev/v1alpha1',
        kind: 'AIModel',
        metadata: { name: 'later', namespace: 'default' },
        spec: {
          modelName: 'later',
          backends: [{ name: 'later', type: 'Provider', providerRef: { name: 'later' } }],
        },
      }),
    );
    await kubectl('wait', 'llmprovider/later', '--for=condition=ResolvedRefs', '--timeout=30s');
    expect(agent.exits).toEqual([]);
    await kubectl('delete', 'aimodel/later', 'llmprovider/later', 'secret/later');
  });

  test('that may watch no kind any more serves on, says so, and goes on from where it was', async () => {
    const agent = await start();
    const client = world.startClient();
    await client.sees(step);
    await revoke('clusterrolebinding', 'fairlead-reader');
    for (const kind of ['Consumer', 'AIModel', 'EdgeGateway', 'GatewayRoute', 'LLMProvider'])
      await says(agent, `${kind} (${kind.toLowerCase()}s.fairlead.dev) cannot be watched. What was last known of it`);
    await world.write(step + 1);
    await client.rounds(30);
    await client.sees(step);
    await giveRights();
    await client.sees(++step);
    await world.statusIsTrue();
    expect(agent.exits).toEqual([]);
  });

  test('that may not write status publishes all the same, says it once, and writes what is true once it may', async () => {
    let ahead = 0;
    const agent = await start({ clock: { ...hurriedClock(10), now: () => Date.now() + ahead } });
    const client = world.startClient();
    await revoke('clusterrolebinding', 'fairlead-reporter');
    await world.write(++step);
    await client.sees(step);
    await says(agent, 'status cannot be written');
    await world.write(++step);
    await client.sees(step);
    const told = agent.lines.all.filter(({ message, resource }) =>
      message === 'status cannot be written' ? String(resource).startsWith('AIModel/') : false,
    );
    expect(told).toHaveLength(1);
    await giveRights();
    // A kind that was forbidden is left alone for a minute.
    ahead = 55_000;
    await world.statusIsTrue();
    expect(agent.exits).toEqual([]);
  });

  test('that may not renew its Lease ends rather than lead without it, and leads again once it may', async () => {
    const agent = await start({ timing: FAST });
    const client = world.startClient();
    await client.sees(step);
    await revoke('rolebinding', 'fairlead-leader', '-n', AGENT_NAMESPACE);
    await says(agent, 'This agent ends here, to begin anew');
    await says(agent, 'standing by');
    await says(agent, 'leases.coordination.k8s.io "fairlead-sync-agent" is forbidden');
    expect(agent.exits).toEqual([EXIT.lostLease]);
    await world.write(step + 1);
    await client.rounds(30);
    await client.sees(step);
    await giveRights();
    await client.sees(++step);
    await world.statusIsTrue();
    expect(agent.exits).toEqual([EXIT.lostLease]);
  });

  test.each(['a pod', 'a kubeconfig'])(
    'whose token has been revoked serves on, says so, and goes on by that of a file that is renewed: in %s',
    async (where) => {
      const isPod = where === 'a pod';
      const file = isPod ? join(account.path, 'token') : await kubeconfig();
      const agent = isPod
        ? await start()
        : await start({ openApi: openKubernetesApi }, ['--kubeconfig', file, '--namespace', AGENT_NAMESPACE]);
      const client = world.startClient();
      await client.sees(step);
      await kubectl('delete', 'serviceaccount', AGENT_ACCOUNT, '-n', AGENT_NAMESPACE);
      await giveRights();
      await says(agent, 'the Lease cannot be read or written the API server');
      proxy.resetAll();
      await says(agent, 'does not accept the credentials (401)');
      await says(agent, 'What was last known of it stays in use. The API server says: the API server');
      await world.write(step + 1);
      await client.rounds(30);
      await client.sees(step);
      if (isPod) await writeFile(file, await agentToken(world.api));
      else await copyFile(await kubeconfig(), file);
      await client.sees(++step);
      await world.statusIsTrue();
      expect(agent.exits).toEqual([]);
    },
  );

  const kubeconfig = async () => world.api.kubeconfigFor({ url: proxy.url, token: await agentToken(world.api) });
});
