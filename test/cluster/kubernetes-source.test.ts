import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openKubernetesApi } from '../../sync-agent/kubernetes/open-kubernetes-api.ts';
import { isApiServerMissing } from '../envtest/programs.ts';
import { apiObjects, type ApiObjects } from '../support/api-objects.ts';
import { startApiServer, type ApiServer } from '../support/api-server.ts';
import { fastClock } from '../support/fast-clock.ts';
import { startFaultProxy, type FaultProxy } from '../support/fault-proxy.ts';
import { watchCluster, type WatchedCluster, type WatchOptions } from '../support/watched-cluster.ts';

const MANIFESTS = new URL('../../crds/manifests/', import.meta.url).pathname;
const RESOURCES = '/apis/fairlead.dev/v1alpha1';

describe.skipIf(isApiServerMissing())('the resources of a real cluster', () => {
  let server: ApiServer;
  let objects: ApiObjects;
  let proxy: FaultProxy;
  let namespace: string;
  let tests = 0;
  let open: WatchedCluster[];

  beforeAll(async () => {
    server = await startApiServer();
    objects = await apiObjects(server);
    proxy = await startFaultProxy(server);
    await server.kubectl(['apply', '--server-side', '-f', MANIFESTS]);
    await server.kubectl(['wait', '--for=condition=Established', '--timeout=30s', '-f', MANIFESTS]);
    await kubectl('create clusterrole fairlead-secret-reader --verb=get,list,watch --resource=secrets');
  });

  afterAll(async () => {
    await proxy?.stop();
    await objects?.close();
    await server?.stop();
  });

  beforeEach(async () => {
    namespace = `test-${++tests}`;
    open = [];
    await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  });

  afterEach(async () => {
    await Promise.all(open.map((cluster) => cluster.stop()));
  });

  /** @param last what has blanks in it */
  const kubectl = (command: string, ...last: readonly string[]) => server.kubectl([...command.split(' '), ...last]);
  const watch = async (options: Partial<WatchOptions> = {}): Promise<WatchedCluster> => {
    const cluster = await watchCluster({ kubeconfig: server.kubeconfig, namespaces: [namespace], ...options });
    open.push(cluster);
    return cluster;
  };
  const watchThroughProxy = async () => watch({ kubeconfig: await server.kubeconfigFor({ url: proxy.url }) });
  const apply: ApiObjects['apply'] = (...all) => objects.apply(...all);
  const key = (kind: string, name: string) => `${kind}/${namespace}/${name}`;
  const consumer = (name: string, team = 'red') => ({
    apiVersion: 'fairlead.dev/v1alpha1',
    kind: 'Consumer',
    metadata: { name, namespace },
    spec: { team, keys: [{ name: 'main', type: 'SHA256', sha256: 'a'.repeat(64) }] },
  });
  const provider = (name: string, secretName: string) => ({
    apiVersion: 'fairlead.dev/v1alpha1',
    kind: 'LLMProvider',
    metadata: { name, namespace },
    spec: {
      dialect: 'OpenAI',
      baseURL: 'https://api.example.com/v1',
      auth: { type: 'APIKey', apiKey: { type: 'SecretRef', secretRef: { name: secretName, key: 'key' } } },
    },
  });
  const secret = (name: string, value: string) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace, annotations: { 'fairlead.dev/hosts': 'api.example.com' } },
    stringData: { key: value },
  });
  const teamOf = (cluster: WatchedCluster, name: string): unknown => {
    const found = cluster.snapshot.get(key('Consumer', name));
    return found?.kind === 'Consumer' ? found.spec.team : undefined;
  };

  const storedAs = (cluster: WatchedCluster, name: string) => cluster.cluster.stored(key('Consumer', name));

  test('are there at once, and follow what is applied, changed and deleted', async () => {
    // By kubectl, for what it leaves on objects.
    await server.kubectl(['apply', '-f', '-'], JSON.stringify(consumer('first')));
    const cluster = await watch();
    expect(cluster.snapshot.get(key('Consumer', 'first'))).toMatchObject({
      metadata: { generation: 1, annotations: {} },
      spec: { team: 'red', keys: [{ type: 'SHA256' }], metadata: {} },
    });
    expect(cluster.snapshot.get(`Namespace/${namespace}/${namespace}`)).toMatchObject({
      metadata: { labels: { 'kubernetes.io/metadata.name': namespace } },
    });

    await apply(consumer('second'), consumer('first', 'blue'));
    await cluster.until(
      'both are there',
      () => teamOf(cluster, 'first') === 'blue' && teamOf(cluster, 'second') === 'red',
    );
    await server.kubectl(['delete', 'consumer', 'first', '-n', namespace]);
    await cluster.until('one is gone', () => !cluster.snapshot.has(key('Consumer', 'first')));
    expect(storedAs(cluster, 'first')).toBeUndefined();
  });

  test('are not told of anew where only their status changes, which is there to be asked for', async () => {
    await apply(consumer('one'));
    const cluster = await watch();
    const before = storedAs(cluster, 'one');
    expect(before).toMatchObject({ generation: 1, isDeleting: false, status: undefined });

    const status = JSON.stringify({ status: { conditions: [condition('Accepted')] } });
    await kubectl(`patch consumer one -n ${namespace} --subresource=status --type=merge -p`, status);
    await cluster.until('the status is there', () => storedAs(cluster, 'one')?.status !== undefined);
    expect(storedAs(cluster, 'one')).toMatchObject({
      uid: before?.uid,
      status: { conditions: [{ type: 'Accepted' }] },
    });
    expect(storedAs(cluster, 'one')?.resourceVersion).not.toBe(before?.resourceVersion);
    expect(cluster.changes.filter((change) => change.includes('Consumer'))).toEqual([`Set ${key('Consumer', 'one')}`]);
  });

  test('come by a streamed list where the server has it, by pages where it has not', async () => {
    await apply(consumer('one'));
    const list = `${RESOURCES}/namespaces/${namespace}/consumers?`;
    await watchThroughProxy();
    expect(proxy.requests.filter((url) => url.startsWith(list))).toEqual([
      expect.stringContaining('sendInitialEvents=true'),
    ]);

    proxy.inject({ type: 'Answer', status: 422 }, [list, 'sendInitialEvents']);
    const paged = await watchThroughProxy();
    expect(teamOf(paged, 'one')).toBe('red');
    expect(proxy.requests.filter((url) => url.startsWith(list))[2]).toBe(`${list}limit=500`);
    await apply(consumer('one', 'green'));
    await paged.until('the change is there', () => teamOf(paged, 'one') === 'green');
  });

  test('that need more than one page are all there', async () => {
    await apply(...Array.from({ length: 520 }, (_, index) => consumer(`many-${index}`)));
    proxy.inject({ type: 'Answer', status: 422 }, [`namespaces/${namespace}/consumers`, 'sendInitialEvents']);
    const cluster = await watchThroughProxy();

    expect([...cluster.snapshot.values()].filter(({ kind }) => kind === 'Consumer')).toHaveLength(520);
  });

  describe('are followed on where', () => {
    const change = async (cluster: WatchedCluster, team: string) => {
      await apply(consumer('one', team));
      await cluster.until(`the team is ${team}`, () => teamOf(cluster, 'one') === team);
    };

    beforeEach(() => apply(consumer('one')));

    test('all connections break', async () => {
      const cluster = await watchThroughProxy();
      for (const team of ['a', 'b', 'c']) {
        proxy.resetAll();
        await change(cluster, team);
      }
      expect(teamOf(cluster, 'one')).toBe('c');
    });

    test('all connections are open at one end only', async () => {
      const kubeconfig = await server.kubeconfigFor({ url: proxy.url });
      const cluster = await watch({ kubeconfig, clock: fastClock(100) });
      proxy.stallAll();
      await change(cluster, 'other');
      expect(teamOf(cluster, 'one')).toBe('other');
    });

    test.each([
      { how: 'the position has expired', fault: { type: 'Answer', status: 410 } as const },
      { how: 'the position has expired, as an event tells', fault: { type: 'ExpireInside' } as const },
      { how: 'the server fails', fault: { type: 'Answer', status: 500 } as const },
      { how: 'the server has too much to do', fault: { type: 'Answer', status: 429, retryAfterSeconds: 1 } as const },
      { how: 'the connection breaks while it is made', fault: { type: 'Reset' } as const },
    ])('$how', async ({ fault }) => {
      const cluster = await watchThroughProxy();
      const watches = [`namespaces/${namespace}/consumers`, 'watch=true'];
      proxy.inject(fault, [...watches, 'resourceVersion=']);
      await apply(consumer('gone'));
      await cluster.until('it is there', () => cluster.snapshot.has(key('Consumer', 'gone')));
      proxy.resetAll();
      await server.kubectl(['delete', 'consumer', 'gone', '-n', namespace]);

      await change(cluster, 'other');
      await cluster.until('it is gone', () => !cluster.snapshot.has(key('Consumer', 'gone')));
      expect(proxy.left()).toBe(0);
    });
  });

  test('bring the Secrets that they name, and no others', async () => {
    await apply(secret('used', 'one'), secret('other', 'two'), provider('vendor', 'used'));
    const cluster = await watch();
    const secrets = () => [...cluster.snapshot.keys()].filter((name) => name.startsWith('Secret/'));
    expect(secrets()).toEqual([key('Secret', 'used')]);
    expect(cluster.snapshot.get(key('Secret', 'used'))).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'Opaque',
      metadata: { namespace, name: 'used', labels: {}, annotations: { 'fairlead.dev/hosts': 'api.example.com' } },
      data: { key: Buffer.from('one').toString('base64') },
      stringData: {},
    });

    await apply(provider('vendor', 'other'));
    await cluster.until('the other is there', () => secrets().join() === key('Secret', 'other'));
    // Never without the one it names.
    const told = cluster.changes.slice(cluster.changes.lastIndexOf(`Set ${key('LLMProvider', 'vendor')}`) - 1);
    expect(told).toContain(`Set ${key('Secret', 'other')}`);
  });

  describe('read with few rights', () => {
    let kubeconfig: string;
    const agent = () => `${namespace}:agent`;

    beforeEach(async () => {
      const token = await server.serviceAccountToken(namespace, 'agent');
      kubeconfig = await server.kubeconfigFor({ token });
      const name = `reader-${namespace}`;
      await kubectl(`create clusterrole ${name} --verb=get,list,watch --resource=*.fairlead.dev,namespaces`);
      await kubectl(`create clusterrolebinding ${name} --clusterrole=${name} --serviceaccount=${agent()}`);
      await apply(secret('used', 'one'), provider('vendor', 'used'));
    });

    const watchAsAgent = () => watch({ kubeconfig, serviceAccount: { namespace, name: 'agent' } });

    test('say which Secrets may not be read, and use them once the command was run', async () => {
      const cluster = await watchAsAgent();
      const denied = cluster.snapshot.get(key('DeniedSecret', 'used'));
      expect(denied).toEqual({
        kind: 'DeniedSecret',
        metadata: { namespace, name: 'used' },
        command:
          'kubectl create rolebinding fairlead-secret-reader --clusterrole=fairlead-secret-reader ' +
          `--serviceaccount=${agent()} -n ${namespace}`,
      });
      expect(cluster.snapshot.has(key('Secret', 'used'))).toBe(false);

      await kubectl(denied?.kind === 'DeniedSecret' ? denied.command.replace('kubectl ', '') : '');
      await cluster.until('it is read', () => cluster.snapshot.has(key('Secret', 'used')));
      expect(cluster.snapshot.has(key('DeniedSecret', 'used'))).toBe(false);
    });

    test('need no more than the one Secret that they name', async () => {
      const rights = '--verb=get,list,watch --resource=secrets --resource-name=used';
      await kubectl(`create role one -n ${namespace} ${rights}`);
      await kubectl(`create rolebinding one -n ${namespace} --role=one --serviceaccount=${agent()}`);
      const cluster = await watchAsAgent();
      expect(cluster.snapshot.has(key('Secret', 'used'))).toBe(true);

      await apply(secret('used', 'two'));
      const value = Buffer.from('two').toString('base64');
      await cluster.until('its new value is there', () => {
        const found = cluster.snapshot.get(key('Secret', 'used'));
        return found?.kind === 'Secret' && found.data['key'] === value;
      });
    });

    test('keep what they had when the rights are taken away, and say so', async () => {
      const account = `--serviceaccount=${agent()}`;
      await kubectl(`create rolebinding secrets -n ${namespace} --clusterrole=fairlead-secret-reader ${account}`);
      kubeconfig = await server.kubeconfigFor({
        url: proxy.url,
        token: await server.serviceAccountToken(namespace, 'agent'),
      });
      const cluster = await watchAsAgent();
      await kubectl(`delete rolebinding secrets -n ${namespace}`);
      await kubectl(`delete clusterrolebinding reader-${namespace}`);
      // A watch that runs goes on: rights are asked for where one begins.
      proxy.resetAll();

      await cluster.until('it is said', () => {
        const said = cluster.problems().map(({ sentence }) => sentence);
        return (
          said.some((text) => text.includes('may not be read any more')) &&
          said.some((text) => text.includes('LLMProvider'))
        );
      });
      expect([...cluster.snapshot.keys()]).toEqual(
        expect.arrayContaining([
          key('Secret', 'used'),
          key('LLMProvider', 'vendor'),
          `Namespace/${namespace}/${namespace}`,
        ]),
      );
      expect(cluster.snapshot.has(key('DeniedSecret', 'used'))).toBe(false);
    });
  });

  test('are read from within a pod, with a token that is replaced', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fairlead-pod-'));
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'token'), 'expired');
    await writeFile(join(folder, 'ca.crt'), server.certificateAuthority);
    await writeFile(join(folder, 'namespace'), 'fairlead');
    const { hostname, port } = new URL(server.url);
    const api = await openKubernetesApi({
      env: { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port },
      serviceAccountFolder: folder,
    });
    const { signal } = new AbortController();
    const ask = () => api.call({ method: 'GET', path: '/api/v1/namespaces/default' }, signal);
    try {
      expect(api.namespace).toBe('fairlead');
      await expect(ask()).rejects.toMatchObject({ status: 401, message: expect.stringContaining('delete the pod') });
      await writeFile(join(folder, 'token'), `${server.token}\n`);
      await expect(ask()).resolves.toMatchObject({ metadata: { name: 'default' } });
    } finally {
      await api.close();
      await rm(folder, { recursive: true });
    }
  });
});

function condition(type: string) {
  return {
    type,
    status: 'True',
    reason: 'Accepted',
    message: 'It is fine.',
    observedGeneration: 1,
    lastTransitionTime: '2026-11-01T00:00:00Z',
  };
}
