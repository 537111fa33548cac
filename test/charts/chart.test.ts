import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { readProjectFile } from '../../crds/write-generated.ts';
import type { ChartValues } from '../../deploy/chart-values.ts';
import { isApiServerMissing } from '../envtest/programs.ts';
import { startApiServer, type ApiServer } from '../support/api-server.ts';
import { AGENT_NAMESPACE, helm, installCharts, renderChart, tryRenderChart } from '../support/chart.ts';

const rendered = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }),
});
type Rendered = z.output<typeof rendered>;

function objects(yaml: string): readonly Rendered[] {
  const documents = parseAllDocuments(yaml, { merge: true });
  return documents.flatMap((document) => (document.contents === null ? [] : [rendered.parse(document.toJS())]));
}

function ofKind(kind: string, yaml: string): readonly Rendered[] {
  return objects(yaml).filter((object) => object.kind === kind);
}

/** Everything that can be switched on, is. */
const FULL: ChartValues = {
  image: { digest: `sha256:${'0'.repeat(64)}` },
  imagePullSecrets: [{ name: 'registry' }],
  watchNamespaces: ['platform', 'team-a'],
  credentials: [{ namespace: 'team-a', names: ['openai', 'mistral'] }],
  agent: {
    cloudflareAPI: 'https://proxy.example.com',
    otlpEndpoint: 'http://otel:4318',
    extraEnv: [{ name: 'A', value: 'b' }],
  },
  signals: { from: 'Prometheus', prometheusURL: 'http://prometheus:9090', endpointPicker: true },
  serviceAccount: { annotations: { team: 'platform' } },
  pod: {
    annotations: { a: 'b' },
    labels: { c: 'd' },
    priorityClassName: 'system-cluster-critical',
    nodeSelector: { e: 'f' },
    tolerations: [{ key: 'g', operator: 'Exists' }],
    affinity: { podAntiAffinity: {} },
  },
  networkPolicy: {
    apiServer: { cidrs: ['10.0.0.1/32'] },
    edge: { cidrs: ['203.0.113.0/24', '2001:db8::/32'] },
    scrapeNamespaces: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } },
    scrapePorts: [9090],
    metricsFrom: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
    extraEgress: [{ ports: [{ port: 3128 }] }],
  },
  admissionPolicies: { actions: ['Warn', 'Audit'] },
};

const APPLY_FOR_NOTHING = [
  'apply',
  '--server-side',
  '--force-conflicts',
  '--dry-run=server',
  '--validate=strict',
  '-f',
  '-',
];

describe.skipIf(isApiServerMissing())('the charts', () => {
  let server: ApiServer;

  beforeAll(async () => {
    server = await startApiServer();
    await installCharts(server);
    for (const name of ['platform', 'team-a']) await server.kubectl(['create', 'namespace', name]);
    await server.kubectl(['label', 'namespace', AGENT_NAMESPACE, 'pod-security.kubernetes.io/enforce=restricted']);
  });
  afterAll(() => server?.stop());

  const dryRun = (yaml: string) => server.tryKubectl(APPLY_FOR_NOTHING, yaml);

  test.each<[string, ChartValues]>([
    ['their own values', {}],
    ['everything switched on', FULL],
    [
      'everything switched off',
      {
        replicas: 1,
        serviceAccount: { create: false, name: 'other' },
        signals: { from: 'Off' },
        metrics: { service: false },
        networkPolicy: { enabled: false },
        admissionPolicies: { enabled: false },
        peopleRoles: { enabled: false },
      },
    ],
  ])('are what an API server takes, without a field that it does not know, with %s', async (_, values) => {
    expect(await dryRun(await renderChart(values))).toMatchObject({ code: 0, err: '' });
  });

  test('pass their linter', async () => {
    for (const chart of ['fairlead', 'fairlead-crds'])
      expect(await helm(['lint', `deploy/charts/${chart}`, '--strict', '--kube-version', '1.35.0'])).toMatchObject({
        code: 0,
      });
  });

  test('can be applied without Helm', async () => {
    for (const folder of ['crds', 'base']) {
      const yaml = await server.kubectl(['kustomize', `deploy/kustomize/${folder}`]);
      expect(await dryRun(yaml)).toMatchObject({ code: 0 });
    }
  });

  test('run a pod that a namespace with the strictest standard of security admits', async () => {
    const [deployment] = ofKind('Deployment', await renderChart());
    const { template } = z.object({ template: z.looseObject({ spec: z.unknown() }) }).parse(deployment!['spec']);
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'agent', namespace: AGENT_NAMESPACE },
      spec: template.spec,
    };

    expect(await dryRun(JSON.stringify(pod))).toMatchObject({ code: 0, err: '' });
    expect(template.spec).toMatchObject({
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          securityContext: { readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
          env: [{ name: 'POD_NAME' }],
        },
      ],
    });
  });

  test('tell the agent what the values say', async () => {
    const [deployment] = ofKind('Deployment', await renderChart(FULL));

    expect(JSON.stringify(deployment)).toContain(`fairlead/sync-agent@sha256:${'0'.repeat(64)}`);
    expect(argumentsOf(deployment)).toMatchInlineSnapshot(`
      [
        "--http-address=0.0.0.0:8080",
        "--namespace=fairlead-system",
        "--lease-name=fairlead-sync-agent",
        "--secret-reader=fairlead-secret-reader",
        "--pod-name=$(POD_NAME)",
        "--log-level=info",
        "--resync-seconds=30",
        "--signals=Prometheus",
        "--signals-seconds=5",
        "--prometheus-url=http://prometheus:9090",
        "--picker-token-file=/var/run/secrets/fairlead.dev/endpoint-picker/token",
        "--watch-namespaces=platform,team-a",
        "--cloudflare-api=https://proxy.example.com",
      ]
    `);
  });

  test('let the agent reach every pod of the cluster for its load, or only some ports, or none', async () => {
    const toPods = async (values: ChartValues) => {
      const [policy] = ofKind('NetworkPolicy', await renderChart(values));
      const { egress } = z
        .object({ egress: z.array(z.looseObject({ to: z.unknown().optional() })) })
        .parse(policy!['spec']);
      return egress.filter(({ to }) => JSON.stringify(to)?.includes('namespaceSelector'));
    };
    const to = [{ namespaceSelector: {} }];

    expect(await toPods({})).toEqual([{ to }]);
    expect(await toPods({ networkPolicy: { scrapePorts: [8000, 8080, 8002, 9090] } })).toEqual([
      { to, ports: [8000, 8080, 8002, 9090].map((port) => ({ port })) },
    ]);
    expect(await toPods({ signals: { from: 'Off' } })).toEqual([]);
  });

  test('mount the token for endpoint pickers where the agent reads it', async () => {
    const signals = { endpointPicker: true };
    const yaml = await renderChart({ signals });
    const [deployment] = ofKind('Deployment', yaml);
    const [secret] = ofKind('Secret', yaml);
    const shape = z.object({ template: z.object({ spec: z.looseObject({ containers: z.array(z.looseObject({})) }) }) });
    const pod = shape.parse(deployment!['spec']).template.spec;

    expect(argumentsOf(deployment)).toContain(
      '--picker-token-file=/var/run/secrets/fairlead.dev/endpoint-picker/token',
    );
    expect(pod.containers).toMatchObject([
      { volumeMounts: [{ mountPath: '/var/run/secrets/fairlead.dev/endpoint-picker', readOnly: true }] },
    ]);
    expect(pod['volumes']).toMatchObject([{ secret: { secretName: secret!.metadata.name, optional: true } }]);
    expect(ofKind('Secret', await renderChart())).toEqual([]);
  });

  test('have a ServiceMonitor for who wants one', async () => {
    const metrics = { serviceMonitor: { enabled: true, labels: { release: 'prometheus' } } };

    expect(ofKind('ServiceMonitor', await renderChart())).toEqual([]);
    expect(ofKind('ServiceMonitor', await renderChart({ metrics }))).toMatchObject([
      { metadata: { labels: { release: 'prometheus' } }, spec: { endpoints: [{ port: 'http', path: '/metrics' }] } },
    ]);
  });

  test('have examples that an API server takes', async () => {
    await server.kubectl(['create', 'namespace', 'llm']);
    const ours = ['examples/cluster', 'examples/cluster/gpu/2-connection.yaml', 'examples/cluster/gpu/3-model.yaml'];

    for (const path of ours)
      expect(await server.tryKubectl([...APPLY_FOR_NOTHING.slice(0, -1), path])).toMatchObject({ code: 0, err: '' });
    expect(objects(await readProjectFile('examples/cluster/gpu/1-inference-service.yaml'))).toMatchObject([
      {
        apiVersion: 'serving.kserve.io/v1beta1',
        kind: 'InferenceService',
        metadata: { name: 'qwen', namespace: 'llm' },
      },
    ]);
  });

  test('keep the definitions, and with them all resources, when the chart of them is uninstalled', async () => {
    const { out } = await helm(['template', 'x', 'deploy/charts/fairlead-crds', '--kube-version', '1.35.0']);

    expect(objects(out)).toHaveLength(5);
    for (const { metadata } of objects(out))
      expect(metadata).toMatchObject({ annotations: { 'helm.sh/resource-policy': 'keep' } });
  });

  describe('refuse', () => {
    test.each([
      ['a value that there is none of', { replica: 2 }, "additional properties 'replica' not allowed"],
      ['too many replicas', { replicas: 99 }, "at '/replicas': maximum: got 99, want 10"],
      [
        'another way to signals',
        { signals: { from: 'Guess' } },
        "at '/signals/from': value must be one of 'Pods', 'Prometheus', 'Off'",
      ],
      [
        'credentials without names',
        { credentials: [{ namespace: 'a', names: [] }] },
        "at '/credentials/0/names': minItems: got 0, want 1",
      ],
      [
        'a namespace that cannot be one',
        { watchNamespaces: ['Team'] },
        "at '/watchNamespaces/0': 'Team' does not match pattern",
      ],
      [
        'two entries of one namespace',
        {
          credentials: [
            { namespace: 'a', names: ['b'] },
            { namespace: 'a', names: ['c'] },
          ],
        },
        'credentials has two entries of the namespace a: put all names into one',
      ],
      [
        'credentials of a namespace that is not read',
        { watchNamespaces: ['a'], credentials: [{ namespace: 'b', names: ['c'] }] },
        'credentials names the namespace b, which watchNamespaces leaves out: nothing there would be read',
      ],
      [
        'Prometheus without an address',
        { signals: { from: 'Prometheus' } },
        'signals.from is Prometheus: set signals.prometheusURL, such as http://prometheus.monitoring:9090',
      ],
    ])('%s', async (_, values, sentence) => {
      const { code, err } = await tryRenderChart(values);

      expect(code).not.toBe(0);
      expect(err).toContain(sentence);
    });
  });
});

function argumentsOf(deployment: unknown): readonly string[] {
  const container = z.looseObject({ args: z.array(z.string()) });
  const shape = z.object({
    spec: z.object({ template: z.object({ spec: z.object({ containers: z.array(container) }) }) }),
  });
  return shape.parse(deployment).spec.template.spec.containers.flatMap(({ args }) => args);
}
