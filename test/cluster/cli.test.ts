import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { instantPace } from '../../dev/simulator/pace.ts';
import { startSimulator, type Simulator } from '../../dev/simulator/server.ts';
import { createAgent } from '../../sync-agent/agent.ts';
import { openKubernetesApi } from '../../sync-agent/kubernetes/open-kubernetes-api.ts';
import { silentLogger } from '../../sync-agent/log.ts';
import { createKubernetesSource } from '../../sync-agent/source/kubernetes/cluster-source.ts';
import type { AgentEvent } from '../../sync-agent/status/status-sink.ts';
import { steadyModel } from '../support/cluster-under-test.ts';
import { isApiServerMissing } from '../envtest/programs.ts';
import { Happenings } from '../support/happenings.ts';
import { fakeKServe } from '../support/inference-objects.ts';
import { startKubernetesWorld, type KubernetesWorld } from '../support/kubernetes-world.ts';
import { consumer } from '../support/resource-files.ts';
import { runFairlead } from '../support/run-fairlead.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';

const KINDS = [
  'edgegateway/edge',
  'gatewayroute/chat',
  'aimodel/model-of-test',
  'llmprovider/simulator',
  'consumer/someone',
];

describe.skipIf(isApiServerMissing())('the commands, on a cluster', () => {
  let world: KubernetesWorld;
  let folder: TemporaryFolder;

  beforeAll(async () => {
    [world, folder] = await Promise.all([startKubernetesWorld({ isolates: 1 }), temporaryFolder()]);
    await publish(1);
    for (const kind of KINDS) await writeStatus(kind);
  });
  afterAll(async () => {
    await world?.dispose();
    await folder?.dispose();
  });

  /** An agent on the cluster for as long as it takes to have its table served. */
  const publish = async (step: number): Promise<void> => {
    await world.write(step);
    const api = await openKubernetesApi({ kubeconfig: world.api.kubeconfig, env: process.env });
    const serviceAccount = { namespace: 'fairlead-system', name: 'fairlead-sync-agent' };
    const source = createKubernetesSource({ api, serviceAccount, logger: silentLogger });
    const events = new Happenings<AgentEvent>();
    const sink = { report: (event: AgentEvent) => events.add(event) };
    const stopping = new AbortController();
    const ended = createAgent({ source, sink, logger: silentLogger, resyncMs: 300 }).run(stopping.signal);
    await events.next('what is served', ({ type }) => type === 'served' || type === 'unchanged');
    stopping.abort();
    await ended;
    await api.close();
  };
  const renewLease = (): Promise<void> => {
    const time = new Date().toISOString().replace('Z', '000Z');
    return world.apply(
      JSON.stringify({
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { namespace: 'fairlead-system', name: 'fairlead-sync-agent' },
        spec: { holderIdentity: 'agent-1', leaseDurationSeconds: 15, acquireTime: time, renewTime: time },
      }),
    );
  };
  /** As the agent would write it: everything is served. */
  const writeStatus = async (
    resource: string,
    status: 'True' | 'False' = 'True',
    namespace = 'default',
  ): Promise<void> => {
    const reason = status === 'True' ? 'Programmed' : 'Pending';
    const conditions = [
      { type: 'Programmed', status, reason, message: 'said', lastTransitionTime: '2026-05-01T00:00:00Z' },
    ];
    const parents = [
      { parentRef: { namespace: 'default', name: 'edge' }, controllerName: 'fairlead.dev/sync-agent', conditions },
    ];
    const written = resource.startsWith('edgegateway') ? { conditions } : { conditions, parents };
    const patch = JSON.stringify({ status: written });
    await world.api.kubectl(['patch', resource, '-n', namespace, '--subresource=status', '--type=merge', '-p', patch]);
  };
  const fairlead = (command: string, ...args: readonly string[]) =>
    runFairlead([command, '--kubeconfig', world.api.kubeconfig, ...args]);
  const json = async (command: string, ...args: readonly string[]) => {
    const { code, stdout, stderr } = await fairlead(command, ...args, '--json');
    expect(stderr).toBe('');
    return { code, ...JSON.parse(stdout) };
  };

  describe('while the edge serves what the cluster says', () => {
    test('status says so, and that an agent leads', async () => {
      const [{ code, ok, agent, edges }] = await Promise.all([json('status', '--context', 'test'), renewLease()]);
      expect({ code, ok }).toEqual({ code: 0, ok: true });
      expect(agent).toMatchObject({ type: 'Led', holder: 'agent-1' });
      expect(edges).toMatchObject([{ edge: 'default/edge', reached: true, changes: [], missing: [], stale: [] }]);
      expect(edges[0].programmed['AIModel/default/model-of-test']).toMatchObject({ status: 'True' });
    });

    test('diff finds nothing, compile no fault, history the revision', async () => {
      expect(await fairlead('diff')).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('No resource differs.'),
      });
      expect(await json('compile')).toMatchObject({ code: 0, ok: true, notes: [], edges: [{ edge: 'default/edge' }] });
      expect((await json('history')).edges[0].revisions).toHaveLength(1);
    });

    test('explain says where a request would go', async () => {
      const explained = await json(
        'explain',
        '--model',
        world.edgeUnderTest.cluster.model,
        '--consumer',
        'default/someone',
      );
      expect(explained).toMatchObject({ code: 0, outcome: 'served', route: { id: 'default/chat' } });
    });

    test('a folder over the cluster is what the cluster would say after kubectl apply', async () => {
      await folder.write('model.yaml', steadyModel(world.edgeUnderTest.cluster.model, 7));
      await folder.write('newcomer.yaml', consumer('newcomer', 'sk-newcomer'));
      const { code, edges } = await json('diff', folder.path);
      expect(code).toBe(1);
      expect(edges[0].changes).toMatchObject([
        { resource: 'AIModel/default/model-of-test', how: 'changed' },
        { resource: 'Consumer/default/newcomer', how: 'added' },
      ]);
      expect((await json('compile', folder.path)).edges[0].counts).toMatchObject({ consumers: 2, models: 1 });
      expect(await fairlead('status', folder.path)).toMatchObject({ code: 2 });
    });
  });

  describe('while the cluster says something else', () => {
    beforeAll(async () => {
      await world.write(2);
      await writeStatus('gatewayroute/chat', 'False');
    });
    afterAll(async () => {
      await publish(2);
      await writeStatus('gatewayroute/chat');
    });

    test('diff shows it, and of a namespace only its own', async () => {
      expect(await fairlead('diff')).toMatchObject({
        code: 1,
        stdout: expect.stringContaining('backends[simulator].model: step-1 -> step-2'),
      });
      const { code, stdout } = await fairlead('diff', '--namespace', 'elsewhere');
      expect(code).toBe(0);
      expect(stdout).toContain('No resource of namespace elsewhere differs.');
    });

    test('status tells it, and which status in the API server is not what the edge says', async () => {
      const { code, edges } = await json('status');
      expect(code).toBe(1);
      expect(edges[0].missing.map(({ resource }: { resource: string }) => resource)).toContain(
        'AIModel/default/model-of-test',
      );
      const stale = Object.fromEntries(
        edges[0].stale.map(({ resource, sentence }: { resource: string; sentence: string }) => [resource, sentence]),
      );
      expect(stale['GatewayRoute/default/chat']).toMatch(/says Programmed=False .*, and the edge says Programmed=True/);
      expect(stale['LLMProvider/default/simulator']).toBeUndefined();
    });
  });

  test('a Lease that nobody renews is told, with since when', async () => {
    await world.apply(
      JSON.stringify({
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { namespace: 'default', name: 'fairlead-sync-agent' },
        spec: { holderIdentity: 'agent-0', leaseDurationSeconds: 15, renewTime: '2026-01-01T00:00:00.000000Z' },
      }),
    );
    const { code, stdout } = await fairlead('status', '--agent-namespace', 'default');
    expect(code).toBe(1);
    expect(stdout).toMatch(/agent {2}none leads: agent-0 was the last\. No agent has written any status for \d+ d\n/);
  });

  test('rollback pins the revision in the EdgeGateway of the cluster, and takes it back', async () => {
    const pinned = () => world.api.kubectl(['get', 'edgegateway', 'edge', '-o', 'jsonpath={.spec.pinnedRevision}']);
    const { code, to, file, changed } = await json('rollback', '--no-wait');
    expect({ code, file, changed }).toEqual({ code: 0, file: null, changed: true });
    expect(await pinned()).toBe(to);
    expect(await json('rollback', '--no-wait', '--undo')).toMatchObject({ code: 0, changed: true });
    expect(await pinned()).toBe('');
  });

  describe('for a person who may read little', () => {
    let kubeconfig: string;
    const asPerson = (command: string, ...args: readonly string[]) =>
      runFairlead([command, '--kubeconfig', kubeconfig, ...args]);

    beforeAll(async () => {
      for (const object of rightsIn('default')) await world.apply(JSON.stringify(object));
      const token = await world.api.serviceAccountToken(PERSON.namespace, PERSON.name);
      kubeconfig = await world.api.kubeconfigFor({ token });
    });

    test('compile says what it could not read, and what of the rest is right', async () => {
      const { code, stdout } = await asPerson('compile');
      expect(code).toBe(0);
      expect(stdout).toContain('note: you may list the resources of fairlead.dev in namespace default alone');
      expect(stdout).toContain('note: you may not list namespaces');
      expect(stdout).toContain('note: you may not read Secret default/upstream');
      expect(stdout).toContain(
        'note: you may not read Secret default/edge-signing-key: a made-up key stands in for it',
      );
      expect(stdout).toContain('5 of 5 resources are all right');
    });

    test('in a namespace where nothing may be listed, no command takes that for an empty one', async () => {
      for (const command of ['compile', 'status', 'diff']) {
        const { code, stdout, stderr } = await asPerson(command, '--namespace', 'kube-public');
        expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
        expect(stderr).toMatch(/^fairlead: you may list no resource of fairlead.dev .* bind the role view to you/);
      }
    });

    test('status tells what an isolate answers to anyone, and what the agent wrote', async () => {
      const { code, stdout } = await asPerson('status');
      expect(code).toBe(3);
      expect(stdout).toContain('agent  you may not read Lease fairlead-system/fairlead-sync-agent');
      expect(stdout).toMatch(/not asked you may not read Secret default\/edge-signing-key/);
      expect(stdout).toMatch(/isolate {3}all the same one answers, and serves [0-9a-f]{12}, confirmed by the hub/);
      expect(stdout).toContain('5 of 5 resources are programmed, by the status that the agent wrote last');
    });

    test('where the EdgeGateway is another namespace’s, status tells what the agent wrote, and diff that it cannot', async () => {
      const header = { apiVersion: 'fairlead.dev/v1alpha1', metadata: { namespace: 'red', name: 'red-model' } };
      await world.apply(JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'red' } }));
      for (const object of rightsIn('red')) await world.apply(JSON.stringify(object));
      const backends = [{ name: 'one', type: 'Provider', providerRef: { name: 'one' } }];
      await world.apply(JSON.stringify({ ...header, kind: 'AIModel', spec: { modelName: 'red', backends } }));
      await writeStatus('aimodel/red-model', 'False', 'red');
      const status = await asPerson('status', '--namespace', 'red');
      expect(status.code).toBe(3);
      expect(status.stdout).toContain('not programmed  AIModel/red/red-model\n      Programmed=False Pending: said');
      expect(status.stdout).toContain('0 of 1 resources are programmed, by the status that the agent wrote last');
      const { code, stderr } = await asPerson('diff', '--namespace', 'red');
      expect(code).toBe(2);
      expect(stderr).toMatch(
        /has no EdgeGateway that you may read.*you may list the resources of fairlead\.dev in namespace red/,
      );
      await world.api.kubectl(['delete', 'aimodel', 'red-model', '-n', 'red']);
    });

    test('with the keys beside, the edge is asked, and secrets that cannot be read are no difference', async () => {
      const { path } = world.edgeUnderTest.cluster.folder;
      const keys = await temporaryFolder({ 'key.yaml': await readFile(`${path}/signing-key.yaml`, 'utf8') });
      const diff = await asPerson('diff', '--keys', keys.path);
      const status = await asPerson('status', '--keys', keys.path, '--json');
      await keys.dispose();
      expect(diff).toMatchObject({ code: 0, stdout: expect.stringContaining('No resource differs.') });
      expect(status.code).toBe(0);
      expect(JSON.parse(status.stdout).edges[0].programmed['LLMProvider/default/simulator']).toMatchObject({
        status: 'True',
      });
    });

    test('rollback says what somebody else would have to run', async () => {
      const { path } = world.edgeUnderTest.cluster.folder;
      const { code, stderr } = await asPerson('rollback', '--keys', path, '--no-wait');
      expect(code).toBe(3);
      expect(stderr).toMatch(
        /kubectl patch edgegateway -n default edge --type merge -p '\{"spec":\{"pinnedRevision":"[0-9a-f]{12}"\}\}'/,
      );
    });
  });

  describe('with an inference service', () => {
    let pods: Simulator;
    const gpu = { kind: 'InferenceService', name: 'llama' };

    beforeAll(async () => {
      pods = await startSimulator({ pace: instantPace, models: ['llama'] });
      await world.installKServe();
      const service = fakeKServe(world.api, { namespace: 'default', name: 'llama', url: pods.url });
      await service.apply();
      await service.endpoints(true);
      await service.status('True');
      const header = { apiVersion: 'fairlead.dev/v1alpha1', metadata: { namespace: 'default', name: 'gpus' } };
      const backends = [{ name: 'gpus', type: 'InferenceService', inferenceServiceRef: gpu }];
      await world.apply(JSON.stringify({ ...header, kind: 'AIModel', spec: { modelName: 'llama', backends } }));
      await world.apply(JSON.stringify({ ...header, kind: 'GatewayRoute', spec: { models: [{ name: 'gpus' }] } }));
    });
    afterAll(async () => {
      await pods?.close();
    });

    test('diff has the edge look at it, as the agent does, and tells it by its own name', async () => {
      const { edges } = await json('diff');
      expect(edges[0].changes).toMatchObject([
        { resource: 'AIModel/default/gpus', how: 'added' },
        { resource: 'GatewayRoute/default/gpus', how: 'added' },
        { resource: 'InferenceService/default/llama', how: 'added' },
      ]);
    });

    test('compile and explain go by its specification, and say so', async () => {
      const { code, stdout } = await fairlead('compile');
      expect(code).toBe(0);
      expect(stdout).toContain(
        'note: the edge default/edge was not asked which models answer behind one inference service',
      );
      const explained = await json('explain', '--model', 'llama', '--consumer', 'default/someone');
      expect(explained).toMatchObject({ outcome: 'served', model: { id: 'default/gpus' } });
    });

    test('what the edge does not reach is at fault in diff, and not in compile', async () => {
      await pods.close();
      const { edges } = await json('diff');
      expect(JSON.stringify(edges[0].changes)).not.toContain('InferenceService/default/llama');
      expect(JSON.stringify(edges[0].faults)).toContain('BackendUnreachable');
      expect((await fairlead('compile')).code).toBe(0);
    });
  });

  test('a context that is not there and a cluster that does not answer are said in one line', async () => {
    expect(await fairlead('diff', '--context', 'nowhere')).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/^fairlead: .* has no context nowhere: its contexts are test\n$/),
    });
    const nowhere = await world.api.kubeconfigFor({ url: 'https://127.0.0.1:1' });
    const { code, stderr } = await runFairlead(['diff', '--kubeconfig', nowhere]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/^fairlead: the cluster of .* cannot be read: .*cannot be reached.*\n$/);
  });
});

const PERSON = { name: 'person', namespace: 'default' };

/** To look at our own kinds in one namespace, and at nothing else. */
function rightsIn(namespace: string): object[] {
  const group = 'rbac.authorization.k8s.io';
  const metadata = { name: 'person', namespace };
  const rules = [{ apiGroups: ['fairlead.dev'], resources: ['*'], verbs: ['get', 'list', 'watch'] }];
  const roleRef = { apiGroup: group, kind: 'Role', name: 'person' };
  const subjects = [{ kind: 'ServiceAccount', ...PERSON }];
  return [
    { apiVersion: `${group}/v1`, kind: 'Role', metadata, rules },
    { apiVersion: `${group}/v1`, kind: 'RoleBinding', metadata, roleRef, subjects },
  ];
}
