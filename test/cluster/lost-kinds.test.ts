import { readdir, readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { isApiServerMissing } from '../envtest/programs.ts';
import { apiObjects, type ApiObjects } from '../support/api-objects.ts';
import { startApiServer, type ApiServer } from '../support/api-server.ts';
import { eventually } from '../support/eventually.ts';
import { fastClock } from '../support/fast-clock.ts';
import { watchCluster, type WatchedCluster } from '../support/watched-cluster.ts';

const MANIFESTS = new URL('../../crds/manifests/', import.meta.url).pathname;
const INFERENCE = new URL('../envtest/crds/inference.yaml', import.meta.url).pathname;

describe.skipIf(isApiServerMissing())('kinds that come and go', () => {
  let server: ApiServer;
  let objects: ApiObjects;
  let cluster: WatchedCluster | undefined;
  let namespace: string;
  let tests = 0;

  beforeAll(async () => {
    server = await startApiServer();
    objects = await apiObjects(server);
  });

  afterAll(async () => {
    await objects?.close();
    await server?.stop();
  });

  beforeEach(async () => {
    cluster = undefined;
    namespace = `test-${++tests}`;
    await objects.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    await install(MANIFESTS);
  });

  afterEach(() => cluster?.stop());

  const kubectl = (...command: readonly string[]) => server.kubectl([...command, '-n', namespace]);
  const install = async (file: string): Promise<void> => {
    await objects.apply(...(await definitionsIn(file)));
    await kubectl('wait', '--for=condition=Established', '--timeout=30s', '-f', file);
  };
  const apply = (...all: readonly { readonly metadata: object; readonly [field: string]: unknown }[]) =>
    objects.apply(...all.map((object) => ({ ...object, metadata: { ...object.metadata, namespace } })));
  const watch = async (): Promise<WatchedCluster> =>
    (cluster = await watchCluster({ kubeconfig: server.kubeconfig, namespaces: [namespace], clock: fastClock(20) }));
  const key = (kind: string, name: string) => `${kind}/${namespace}/${name}`;
  const said = (cluster: WatchedCluster): string =>
    cluster
      .problems()
      .map(({ sentence }) => sentence)
      .join('\n');

  test('a kind whose CRD is deleted keeps its resources, says so, and follows the CRD when it is back', async () => {
    await apply(consumer('a'), consumer('b'), consumer('c'));
    const cluster = await watch();
    await kubectl('delete', 'crd', 'consumers.fairlead.dev', '--wait');

    await cluster.until('it is said', () => said(cluster).includes('Consumer (consumers.fairlead.dev) is lost'));
    await kubectl('label', 'namespace', namespace, 'later=yes');
    await cluster.until('what comes later is there', () => 'later' in labels(cluster, namespace));
    expect(names(cluster, 'Consumer')).toEqual(['a', 'b', 'c']);
    expect(cluster.changes.filter((change) => change.startsWith('Delete'))).toEqual([]);

    await install(`${MANIFESTS}fairlead.dev_consumers.yaml`);
    await apply(consumer('b'), consumer('d'));
    await cluster.until('it is as the cluster says', () => names(cluster, 'Consumer').join() === 'b,d');
    await cluster.until('nothing is wrong any more', () => said(cluster) === '');
  });

  test('a resource whose CRD is deleted is not taken for one that somebody deletes, though finalizers hold it', async () => {
    await apply(consumer('a', ['fairlead.dev/edge']));
    const cluster = await watch();
    await kubectl('delete', 'crd', 'consumers.fairlead.dev', '--wait=false');

    const stored = () => cluster.cluster.stored(key('Consumer', 'a'));
    await cluster.until('it is told apart', () => stored()?.isDeleting === true && said(cluster).includes('is lost'));
    expect(cluster.snapshot.get(key('Consumer', 'a'))).not.toHaveProperty('metadata.deletionTimestamp');
    await kubectl('patch', 'consumer', 'a', '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
    await kubectl('wait', '--for=delete', 'crd/consumers.fairlead.dev', '--timeout=30s');
  });

  test('a resource that somebody deletes says so, though finalizers hold it', async () => {
    await apply(consumer('a', ['fairlead.dev/edge']));
    const cluster = await watch();
    await kubectl('delete', 'consumer', 'a', '--wait=false');

    const found = () => cluster.snapshot.get(key('Consumer', 'a'));
    await cluster.until('it says so', () => {
      const resource = found();
      return resource !== undefined && 'deletionTimestamp' in resource.metadata;
    });
    expect(said(cluster)).toBe('');
  });

  test('a cluster that gains inference services needs no restart, and one that loses them keeps them', async () => {
    const cluster = await watch();
    expect(said(cluster)).toBe('');
    await install(INFERENCE);
    await apply(inferenceService('llama'), endpointSlice('llama', true));
    const status = JSON.stringify({ status: readyStatus });
    await kubectl('patch', 'inferenceservice', 'llama', '--subresource=status', '--type=merge', '-p', status);
    const phase = () => {
      const found = cluster.snapshot.get(key('InferenceService', 'llama'));
      return found?.kind === 'InferenceService' ? found.state.phase : undefined;
    };
    await cluster.until('it is ready', () => phase() === 'Ready');
    expect(cluster.cluster.endpoints(key('InferenceService', 'llama'))).toMatchObject([
      { address: '10.1.0.1', port: 8080, ready: true },
    ]);

    await apply(endpointSlice('llama', false));
    await cluster.until('it is not', () => phase() === 'Unavailable');
    await apply(endpointSlice('llama', true));
    await cluster.until('it is again', () => phase() === 'Ready');

    await kubectl('delete', 'crd', 'inferenceservices.serving.kserve.io', '--wait');
    await cluster.until('it is said', () =>
      said(cluster).includes('InferenceService (inferenceservices.serving.kserve.io)'),
    );
    expect(phase()).toBe('Ready');
  });

  test('of a kind that is served in two versions each object is there once', async () => {
    await install(INFERENCE);
    await apply({
      apiVersion: 'serving.kserve.io/v1alpha1',
      kind: 'LLMInferenceService',
      metadata: { name: 'qwen' },
      spec: { model: { uri: 'hf://Qwen/Qwen3-8B', name: 'qwen3' } },
    });
    const cluster = await watch();

    expect(cluster.changes.filter((change) => change.includes('qwen'))).toEqual([
      `Set ${key('LLMInferenceService', 'qwen')}`,
    ]);
  });

  test('a resource that was stored under an older CRD and is not valid any more is left out, and says so', async () => {
    const [older] = await definitionsIn(`${MANIFESTS}fairlead.dev_consumers.yaml`);
    for (const version of older.spec.versions) version.schema.openAPIV3Schema = anything;
    await objects.apply(older);
    // The API server takes a moment to apply objects by the definition that it has just been given.
    await eventually('it takes what the older definition allows', () =>
      apply({ ...consumer('odd'), spec: { keys: 'none' } }, consumer('good')).then(
        () => true,
        () => false,
      ),
    );
    const cluster = await watch();

    expect(names(cluster, 'Consumer')).toEqual(['good']);
    expect(cluster.problems()).toContainEqual({
      severity: 'error',
      file: key('Consumer', 'odd'),
      line: 1,
      column: 1,
      resource: key('Consumer', 'odd'),
      sentence: expect.stringMatching(/^spec\.keys: must be a list.* It is left out: /),
    });
    expect(cluster.cluster.stored(key('Consumer', 'odd'))).toMatchObject({ generation: 1 });

    await apply(consumer('odd'));
    await cluster.until('it is mended', () => names(cluster, 'Consumer').join() === 'good,odd' && said(cluster) === '');
  });
});

/** @param file or a folder of files */
async function definitionsIn(file: string) {
  const files = file.endsWith('/') ? (await readdir(file)).map((name) => `${file}${name}`) : [file];
  const texts = await Promise.all(files.map((name) => readFile(name, 'utf8')));
  return texts.flatMap((text) => parseAllDocuments(text).map((document) => document.toJS()));
}

const anything = {
  type: 'object',
  properties: {
    spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  },
};

const readyStatus = {
  url: 'http://llama-default.example.com',
  conditions: [
    { type: 'Ready', status: 'True' },
    { type: 'PredictorReady', status: 'True' },
    { type: 'IngressReady', status: 'True' },
  ],
};

function consumer(name: string, finalizers: readonly string[] = []) {
  return {
    apiVersion: 'fairlead.dev/v1alpha1',
    kind: 'Consumer',
    metadata: { name, finalizers },
    spec: { team: 'red', keys: [{ name: 'main', type: 'SHA256', sha256: 'a'.repeat(64) }] },
  };
}

function inferenceService(name: string) {
  return {
    apiVersion: 'serving.kserve.io/v1beta1',
    kind: 'InferenceService',
    metadata: { name, annotations: { 'serving.kserve.io/deploymentMode': 'RawDeployment' } },
    spec: { predictor: { minReplicas: 1, model: { modelFormat: { name: 'huggingface' } } } },
  };
}

function endpointSlice(name: string, ready: boolean) {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${name}-predictor-abc`,
      labels: { 'kubernetes.io/service-name': `${name}-predictor`, 'serving.kserve.io/inferenceservice': name },
    },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: [{ addresses: ['10.1.0.1'], conditions: { ready }, targetRef: { kind: 'Pod', name: `${name}-1` } }],
  };
}

function labels(cluster: WatchedCluster, namespace: string): Readonly<Record<string, string>> {
  const found = cluster.snapshot.get(`Namespace/${namespace}/${namespace}`);
  return found?.kind === 'Namespace' ? found.metadata.labels : {};
}

function names(cluster: WatchedCluster, kind: string): string[] {
  return [...cluster.snapshot.values()]
    .filter((resource) => resource.kind === kind)
    .map(({ metadata }) => metadata.name)
    .toSorted();
}
