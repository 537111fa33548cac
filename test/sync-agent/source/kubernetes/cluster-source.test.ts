import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Logger } from '../../../../sync-agent/log.ts';
import { silentLogger } from '../../../../sync-agent/log.ts';
import { resourceKey } from '../../../../sync-agent/snapshot.ts';
import {
  createKubernetesSource,
  type KubernetesSourceOptions,
} from '../../../../sync-agent/source/kubernetes/cluster-source.ts';
import { SourceUnavailable, type OpenSource } from '../../../../sync-agent/source/source.ts';
import { FakeCluster, type FakeObject } from '../../support/fake-cluster.ts';
import { manualClock, settle, type ManualClock } from '../../support/manual-clock.ts';

const OURS = [
  'edgegateways/EdgeGateway',
  'gatewayroutes/GatewayRoute',
  'aimodels/AIModel',
  'llmproviders/LLMProvider',
  'consumers/Consumer',
].map((name) => name.replace('/', '.fairlead.dev/v1alpha1/'));
const CORE = ['namespaces/v1/Namespace', 'secrets/v1/Secret', 'endpointslices.discovery.k8s.io/v1/EndpointSlice'];
const KSERVE = 'inferenceservices.serving.kserve.io/v1beta1/InferenceService';

describe('the resources of a cluster', () => {
  let cluster: FakeCluster;
  let clock: ManualClock;
  let stopping: AbortController;
  let source: OpenSource | undefined;
  let rings: number;
  let warnings: string[];

  beforeEach(() => {
    cluster = new FakeCluster();
    clock = manualClock();
    stopping = new AbortController();
    [source, rings, warnings] = [undefined, 0, []];
  });

  afterEach(async () => {
    stopping.abort(new Error('the test is over'));
    await source?.close();
    await settle();
    if (cluster.watches() > 0) throw new Error('something of it still runs');
  });

  const open = (options: Partial<KubernetesSourceOptions> = {}): Promise<OpenSource> => {
    const logger: Logger = { ...silentLogger, warn: (message) => warnings.push(message) };
    const serviceAccount = { namespace: 'fairlead', name: 'agent' };
    const made = createKubernetesSource({ api: cluster, serviceAccount, logger, clock, random: () => 1, ...options });
    return made.open(() => rings++, stopping.signal).then((opened) => (source = opened));
  };
  const opened = async (options?: Partial<KubernetesSourceOptions>): Promise<OpenSource> => {
    const opening = open(options);
    await settle();
    return opening;
  };
  /** What has changed since, as `Set Kind/namespace/name`. */
  const changes = async (): Promise<string[]> => {
    await settle();
    const observed = await source!.observe();
    return observed.changes.map((change) =>
      change.type === 'Set' ? `Set ${resourceKey(change.resource)}` : `Delete ${change.key}`,
    );
  };
  const said = async (): Promise<string[]> => {
    await settle();
    return (await source!.observe()).problems.map(({ sentence }) => sentence);
  };

  describe('at the start', () => {
    test('are told all at once, with the UID of kube-system', async () => {
      cluster.serve(...OURS, ...CORE);
      cluster.put(consumer('a'), consumer('b'), namespace('team'));
      const { clusterUid } = await opened();

      expect(clusterUid).toBe('cluster-uid');
      expect((await changes()).toSorted()).toEqual([
        'Set Consumer/team/a',
        'Set Consumer/team/b',
        'Set Namespace/team/team',
      ]);
      expect(await said()).toEqual([]);
    });

    test('wait for CRDs that are not installed, and say so', async () => {
      cluster.serve(...OURS.slice(1), ...CORE);
      const opening = open();
      await settle();
      expect(source).toBeUndefined();
      expect(warnings).toEqual([
        'waiting: EdgeGateway (edgegateways.fairlead.dev) is not served by this cluster: install the CRDs of Fairlead. Nothing is compiled before that.',
      ]);

      cluster.serve(OURS[0]!);
      await clock.advance(3_000);
      await expect(opening).resolves.toBeDefined();
    });

    test.each([
      { what: 'a kind of ours', path: '/aimodels' },
      { what: 'namespaces', path: '/namespaces?' },
      { what: 'inference services', path: '/inferenceservices' },
      { what: 'the endpoints of inference services', path: '/endpointslices' },
    ])('wait for rights to $what', async ({ path }) => {
      cluster.serve(...OURS, ...CORE, KSERVE);
      cluster.put(inferenceService('llama'));
      cluster.fail(path, 403);
      const opening = open();
      await settle();
      expect(source).toBeUndefined();
      expect(warnings.join()).toContain('answered 403');

      cluster.heal(path);
      await clock.advance(20_000);
      await expect(opening).resolves.toBeDefined();
    });

    test('are given up after a while where somebody waits for them', async () => {
      cluster.fail('/', 0);
      const opening = open({ patienceMs: 10_000 });
      opening.catch(() => undefined);
      await settle();
      await clock.advance(10_000);
      await expect(opening).rejects.toThrow(
        new SourceUnavailable(
          'the cluster could not be read: waited for GET /api/v1/namespaces/kube-system: answered 0',
        ),
      );
    });

    test('are watched in some namespaces only, where that is asked for', async () => {
      cluster.serve(...OURS, ...CORE);
      cluster.put(consumer('a', 'team'), consumer('a', 'other'), namespace('team'), namespace('other'));
      await opened({ namespaces: ['team'] });

      expect((await changes()).toSorted()).toEqual(['Set Consumer/team/a', 'Set Namespace/team/team']);
      expect(cluster.requests.filter((url) => url.includes('watch=true') && !url.includes('namespaces'))).toEqual([]);
    });
  });

  describe('once they are open', () => {
    beforeEach(async () => {
      cluster.serve(...OURS, ...CORE);
      cluster.put(consumer('a'), consumer('b'), namespace('team'));
      await opened();
      await changes();
      rings = 0;
    });

    test('are told where what is compiled has changed, and the agent is woken', async () => {
      cluster.put(consumer('a', 'team', { team: 'blue' }));
      expect(await changes()).toEqual(['Set Consumer/team/a']);
      expect(rings).toBe(1);
    });

    test.each<{ what: string; more: object; status?: object }>([
      { what: 'status', more: {}, status: { conditions: [] } },
      {
        what: 'what kubectl notes down for itself',
        more: { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}' } },
      },
      { what: 'who changed it', more: { managedFields: [{ manager: 'kubectl' }] } },
    ])('are not told where only $what has changed', async ({ more, status }) => {
      const { metadata, ...rest } = consumer('a');
      cluster.put({ ...rest, metadata: { ...metadata, ...more }, ...(status && { status }) });

      expect(await changes()).toEqual([]);
      expect(rings).toBe(0);
      expect(source?.cluster?.stored('Consumer/team/a')).toMatchObject({ resourceVersion: '104', status });
    });

    test('are gone where somebody deletes them, within a few milliseconds', async () => {
      cluster.delete(consumer('a'));
      await settle();
      await clock.advance(20);

      expect(await changes()).toEqual(['Delete Consumer/team/a']);
      expect(source?.cluster?.stored('Consumer/team/a')).toBeUndefined();
    });

    test('are not gone where they come back before that was found out', async () => {
      cluster.delete(consumer('a'));
      cluster.put(consumer('a'));
      await settle();
      await clock.advance(1_000);

      expect(await changes()).toEqual([]);
    });

    test('are kept where their CRD is being deleted, whatever the watch says', async () => {
      cluster.leaving.add('consumers.fairlead.dev');
      cluster.delete(consumer('a'));
      await settle();
      await clock.advance(20);
      cluster.delete(consumer('b'));
      cluster.unserve('consumers');
      await clock.advance(10_000);

      expect(await changes()).toEqual([]);
      expect((await said()).join()).toContain(
        'Consumer (consumers.fairlead.dev) is lost: the cluster does not serve it any more. What was last known of it stays in use.',
      );
    });

    test('that wait for their finalizers are kept where their CRD is being deleted, and told apart', async () => {
      cluster.leaving.add('consumers.fairlead.dev');
      const { metadata, ...rest } = consumer('a');
      cluster.put({ ...rest, metadata: { ...metadata, deletionTimestamp: '2026-11-01T00:00:00Z' } });
      await settle();
      await clock.advance(20);

      expect(await changes()).toEqual([]);
      expect(rings).toBeGreaterThan(0);
      expect(source?.cluster?.stored('Consumer/team/a')).toMatchObject({ isDeleting: true });
    });

    test('are kept where the CRD may not be looked at, but discovery says that it is going', async () => {
      cluster.fail('customresourcedefinitions', 403);
      cluster.offer('consumers', ['delete', 'deletecollection', 'get', 'list', 'watch']);
      cluster.delete(consumer('a'), consumer('b'));
      await settle();
      await clock.advance(20);

      expect(await changes()).toEqual([]);
      expect((await said()).join()).toContain('is being deleted');
    });

    test('are kept as long as it cannot be found out what their deletion means', async () => {
      cluster.fail('customresourcedefinitions', 500);
      cluster.delete(consumer('a'));
      await settle();
      await clock.advance(5_000);
      expect(await changes()).toEqual([]);

      cluster.heal('customresourcedefinitions');
      await clock.advance(500);
      expect(await changes()).toEqual(['Delete Consumer/team/a']);
    });

    test('are as the cluster says once their CRD is back', async () => {
      cluster.leaving.add('consumers.fairlead.dev');
      cluster.delete(consumer('a'), consumer('b'));
      cluster.unserve('consumers');
      await settle();
      await clock.advance(5_000);
      cluster.leaving.clear();
      cluster.serve(OURS[4]!);
      cluster.put(consumer('b'), consumer('c'));
      await clock.advance(10_000);

      expect((await changes()).toSorted()).toEqual(['Delete Consumer/team/a', 'Set Consumer/team/c']);
      expect(await said()).toEqual([]);
    });

    test('are kept where the rights to them are taken away, until they are given again', async () => {
      cluster.fail('/consumers', 403);
      cluster.endWatches('/consumers');
      await settle();
      await clock.advance(1_000);
      expect(await said()).toEqual([
        'Consumer (consumers.fairlead.dev) cannot be watched. What was last known of it stays in use. The API server says: GET /apis/fairlead.dev/v1alpha1/consumers: answered 403',
      ]);
      expect(await changes()).toEqual([]);

      cluster.delete(consumer('a'));
      cluster.heal('/consumers');
      await clock.advance(20_000);
      expect(await said()).toEqual([]);
    });

    test('are kept through a time without API server, of which nothing is said at first', async () => {
      cluster.fail('/', 0);
      cluster.endWatches('', new Error('lost'));
      await settle();
      await clock.advance(1_000);
      expect(await said()).toEqual([]);
      await clock.advance(60_000);
      expect((await said()).length).toBeGreaterThan(0);

      cluster.heal('/');
      cluster.put(consumer('c'));
      await clock.advance(60_000);
      expect(await changes()).toEqual(['Set Consumer/team/c']);
      expect(await said()).toEqual([]);
    });

    test('are read again by who catches up, deletions too, and kept where they cannot be', async () => {
      cluster.fail('/consumers', 403);
      const before = cluster.requests.length;
      let hasCaughtUp = false;
      void source!.catchUp!().then(() => (hasCaughtUp = true));
      await settle();
      expect(hasCaughtUp).toBe(true);
      const asked = cluster.requests.slice(before).filter((url) => url.includes('sendInitialEvents=true'));
      for (const kind of ['edgegateways', 'gatewayroutes', 'aimodels', 'llmproviders', 'consumers'])
        expect(asked.filter((url) => url.includes(`/${kind}?`))).toHaveLength(1);
      expect(await changes()).toEqual([]);

      cluster.heal('/consumers');
      await clock.advance(20_000);
      cluster.endWatches('/consumers', new Error('lost'));
      cluster.delete(consumer('a'));
      void source!.catchUp!();
      await settle();
      await clock.advance(100);
      expect(await changes()).toEqual(['Delete Consumer/team/a']);
    });

    test('that were never valid are left out, and said to be', async () => {
      cluster.put({ ...consumer('a'), spec: { keys: 'none', team: 'red' } });
      await settle();
      const { changes, problems } = await source!.observe();

      expect(changes).toEqual([{ type: 'Delete', key: 'Consumer/team/a' }]);
      expect(problems).toMatchObject([
        { file: 'Consumer/team/a', line: 1, column: 1, resource: 'Consumer/team/a', severity: 'error' },
      ]);
      expect((await source!.observe()).problems).toBe(problems);
    });

    test('stay as they were where they are EdgeGateways that cannot be read any more: nobody has deleted them', async () => {
      const edge = edgeGateway('Evict');
      cluster.put(edge);
      expect(await changes()).toEqual(['Set EdgeGateway/team/edge']);
      cluster.put(edgeGateway('Archive'));
      await settle();
      const { changes: after, problems } = await source!.observe();
      expect(after).toMatchObject([{ type: 'Set', resource: { spec: { deletionPolicy: 'Evict' } } }]);
      expect(problems).toMatchObject([
        { resource: 'EdgeGateway/team/edge', sentence: expect.stringContaining('What it said before stays in use') },
      ]);
      cluster.put(edgeGateway('Retain'));
      expect(await changes()).toEqual(['Set EdgeGateway/team/edge']);
      expect(await said()).toEqual([]);
    });
  });

  describe('with the Secrets that they name', () => {
    beforeEach(async () => {
      cluster.serve(...OURS, ...CORE);
      cluster.put(provider('vendor', 'key-1'), secret('key-1'), secret('key-2'), secret('unnamed'));
    });

    test('are told together', async () => {
      await opened();
      expect((await changes()).toSorted()).toEqual(['Set LLMProvider/team/vendor', 'Set Secret/team/key-1']);
    });

    test('are not told before it is known of a Secret that they name anew', async () => {
      await opened();
      await changes();
      cluster.fail('/secrets', 500);
      cluster.endWatches('/secrets');
      cluster.put(provider('vendor', 'key-2'));
      expect(await changes()).toEqual(['Delete Secret/team/key-1']);

      cluster.heal('/secrets');
      await clock.advance(20_000);
      expect((await changes()).toSorted()).toEqual(['Set LLMProvider/team/vendor', 'Set Secret/team/key-2']);
    });

    test('are told without a Secret that does not exist, and with it once it does', async () => {
      cluster.put(provider('vendor', 'later'));
      await opened();
      expect(await changes()).toEqual(['Set LLMProvider/team/vendor']);
      cluster.put(secret('later'));
      expect(await changes()).toEqual(['Set Secret/team/later']);
      cluster.delete(secret('later'));
      expect(await changes()).toEqual(['Delete Secret/team/later']);
    });

    test('end the watch of Secrets that nobody names any more', async () => {
      await opened();
      await changes();
      expect(cluster.watches('/secrets')).toBe(1);
      cluster.delete(provider('vendor', 'key-1'));
      await settle();
      await clock.advance(20);

      expect(await changes()).toEqual(['Delete LLMProvider/team/vendor', 'Delete Secret/team/key-1']);
      expect(cluster.watches('/secrets')).toBe(0);
    });

    test('are followed by one watch a Secret where the namespace may not be listed', async () => {
      cluster.fail('fieldSelector=type', 403);
      cluster.put(provider('other', 'key-2'));
      await opened();

      expect((await changes()).filter((change) => change.includes('Secret'))).toEqual([
        'Set Secret/team/key-1',
        'Set Secret/team/key-2',
      ]);
      expect(cluster.watches('/secrets?')).toBe(2);
      cluster.put(provider('other', 'key-1'));
      expect(await changes()).toContain('Delete Secret/team/key-2');
      expect(cluster.watches('/secrets?')).toBe(1);
    });

    test('tell of a Secret that may not be read, with the command that lets it be, until it may', async () => {
      cluster.fail('/secrets', 403);
      await opened();
      await settle();
      const { changes: told } = await source!.observe();
      expect(told.map((change) => change.type === 'Set' && change.resource)).toContainEqual({
        kind: 'DeniedSecret',
        metadata: { namespace: 'team', name: 'key-1' },
        command:
          'kubectl create rolebinding fairlead-secret-reader --clusterrole=fairlead-secret-reader --serviceaccount=fairlead:agent -n team',
      });

      cluster.heal('/secrets');
      await clock.advance(20_000);
      expect(await changes()).toEqual(['Set Secret/team/key-1', 'Delete DeniedSecret/team/key-1']);
      // In the end one watch does for the whole namespace again.
      await clock.advance(300_000);
      cluster.put(provider('other', 'key-2'));
      await settle();
      expect(cluster.watches('/secrets?')).toBe(1);
      expect(await changes()).toContain('Set Secret/team/key-2');
    });

    test('keep the value of one that may not be read any more, and say so', async () => {
      await opened();
      await changes();
      cluster.fail('/secrets', 403);
      cluster.endWatches('/secrets');
      await settle();
      await clock.advance(1_000);

      expect(await changes()).toEqual([]);
      expect(await said()).toEqual([
        'Secret team/key-1 may not be read any more; its last value stays in use. Run: kubectl create rolebinding fairlead-secret-reader --clusterrole=fairlead-secret-reader --serviceaccount=fairlead:agent -n team',
      ]);
      cluster.put(provider('other', 'key-2'));
      await settle();
      await clock.advance(1_000);
      expect(await changes()).toEqual(['Set LLMProvider/team/other', 'Set DeniedSecret/team/key-2']);
    });
  });

  describe('beside inference services', () => {
    test('need no restart where a cluster gains them', async () => {
      cluster.serve(...OURS, ...CORE);
      await opened();
      expect(cluster.requests.filter((url) => url.includes('endpointslices'))).toEqual([]);
      cluster.serve(KSERVE);
      cluster.put(inferenceService('llama'), endpointSlice('llama'));
      await clock.advance(60_000);

      expect(await changes()).toEqual(['Set InferenceService/team/llama']);
      expect(source?.cluster?.endpoints('InferenceService/team/llama')).toMatchObject([
        { address: '10.1.0.1', port: 8080, ready: true },
      ]);
    });

    test('tell what chooses among the pods of a pool', async () => {
      cluster.serve(...OURS, ...CORE, 'inferencepools.inference.networking.k8s.io/v1/InferencePool');
      cluster.put({
        apiVersion: 'inference.networking.k8s.io/v1',
        kind: 'InferencePool',
        metadata: { name: 'pool', namespace: 'team' },
        spec: { endpointPickerRef: { name: 'picker' } },
      });
      const { cluster: objects } = await opened();

      const picker = { namespace: 'team', service: 'picker', pool: 'pool' };
      expect(objects?.picker?.('InferencePool/team/pool')).toEqual(picker);
      expect(objects?.picker?.('InferencePool/team/other')).toBeUndefined();
    });

    test('watch the newest version of a kind, and change over without losing anything', async () => {
      const kind = 'llminferenceservices.serving.kserve.io';
      cluster.serve(...OURS, ...CORE, `${kind}/v1alpha1/LLMInferenceService`);
      cluster.put({
        ...inferenceService('qwen'),
        apiVersion: 'serving.kserve.io/v1alpha1',
        kind: 'LLMInferenceService',
      });
      await opened();
      expect(await changes()).toEqual(['Set LLMInferenceService/team/qwen']);
      cluster.serve(`${kind}/v1alpha2/LLMInferenceService`);
      await clock.advance(60_000);

      expect(await changes()).toEqual([]);
      expect([cluster.watches('kserve.io/v1alpha1'), cluster.watches('kserve.io/v1alpha2')]).toEqual([0, 1]);
    });

    test('stop watching the endpoints of a namespace that has none any more', async () => {
      cluster.serve(...OURS, ...CORE, KSERVE);
      cluster.put(inferenceService('llama'));
      await opened();
      expect(await changes()).toEqual(['Set InferenceService/team/llama']);
      expect(cluster.watches('/team/endpointslices')).toBe(1);
      cluster.delete(inferenceService('llama'));
      await settle();
      await clock.advance(20);

      expect(await changes()).toEqual(['Delete InferenceService/team/llama']);
      expect(cluster.watches('endpointslices')).toBe(0);
    });
  });
});

function consumer(name: string, namespace = 'team', spec: object = {}): FakeObject {
  const keys = [{ name: 'main', type: 'SHA256', sha256: 'a'.repeat(64) }];
  return ours('Consumer', name, namespace, { team: 'red', keys, ...spec });
}

function provider(name: string, secretName: string): FakeObject {
  const apiKey = { type: 'SecretRef', secretRef: { name: secretName, key: 'key' } };
  return ours('LLMProvider', name, 'team', {
    dialect: 'OpenAI',
    baseURL: 'https://api.example.com/v1',
    auth: { type: 'APIKey', apiKey },
  });
}

function ours(kind: string, name: string, namespace: string, spec: object): FakeObject {
  const creationTimestamp = '2026-11-01T00:00:00Z';
  return { apiVersion: 'fairlead.dev/v1alpha1', kind, metadata: { name, namespace, creationTimestamp }, spec };
}

function secret(name: string): FakeObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'team' },
    type: 'Opaque',
    data: { key: 'c2s=' },
  };
}

function namespace(name: string): FakeObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { team: name } } };
}

function inferenceService(name: string): FakeObject {
  return {
    apiVersion: 'serving.kserve.io/v1beta1',
    kind: 'InferenceService',
    metadata: { name, namespace: 'team', annotations: { 'serving.kserve.io/deploymentMode': 'RawDeployment' } },
    spec: { predictor: { model: { modelFormat: { name: 'huggingface' } } } },
  };
}

function endpointSlice(name: string): FakeObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${name}-x`, namespace: 'team', labels: { 'kubernetes.io/service-name': `${name}-predictor` } },
    ports: [{ name: 'http', port: 8080 }],
    endpoints: [{ addresses: ['10.1.0.1'], conditions: { ready: true }, targetRef: { name: `${name}-1` } }],
  };
}

function edgeGateway(deletionPolicy: string): FakeObject {
  const sealingKeys = [{ kid: 'a', publicKey: 'A'.repeat(43) }];
  const signingKeySecretRef = { name: 'keys' };
  const spec = { endpoint: 'https://edge.test', clusterName: 'one', signingKeySecretRef, sealingKeys, deletionPolicy };
  return {
    apiVersion: 'fairlead.dev/v1alpha1',
    kind: 'EdgeGateway',
    metadata: { name: 'edge', namespace: 'team' },
    spec,
  };
}
