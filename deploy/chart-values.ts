import { z } from 'zod';

/**
 * The values of the chart: what each is, may be, and is where it is left out. values.yaml, values.schema.json and
 * docs/helm-values.md are made from here.
 */

const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const namespaceName = z.string().max(63).regex(NAME);
const secretName = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/);
const port = z.int().min(1).max(65_535);
const cidr = z.string().regex(/^[0-9a-fA-F.:]+\/\d{1,3}$/);
/** As Kubernetes has it; the API server checks it. */
const kubernetes = z.looseObject({});
const strings = z.record(z.string(), z.string());

const image = z.strictObject({
  repository: z.string().min(1).default('fairlead/sync-agent').describe('Where you pushed the image of the agent.'),
  tag: z.string().default('').describe('Empty: the version of the chart.'),
  digest: z
    .string()
    .regex(/^(sha256:[0-9a-f]{64})?$/)
    .default('')
    .describe('`sha256:…`; goes before the tag.'),
  pullPolicy: z.enum(['IfNotPresent', 'Always', 'Never']).default('IfNotPresent'),
});

const credentials = z.strictObject({
  namespace: namespaceName,
  names: z.array(secretName).min(1).max(256),
});

const signals = z.strictObject({
  from: z
    .enum(['Pods', 'Prometheus', 'Off'])
    .default('Pods')
    .describe(
      'Where the load of inference services is read. Pods: from their metrics, by EndpointSlices. Prometheus: from `prometheusURL`. Off: not at all.',
    ),
  seconds: z.int().min(1).max(20).default(5).describe('How often.'),
  prometheusURL: z
    .string()
    .regex(/^(https?:\/\/.+)?$/)
    .default('')
    .describe('Such as `http://prometheus.monitoring:9090`.'),
  endpointPicker: z
    .boolean()
    .default(false)
    .describe(
      'Makes an account whose token the agent sends to endpoint pickers, which want one by default. It may `get /metrics` and nothing else, which opens the metrics of the API server too; whoever may create an InferencePool can have the token sent to them.',
    ),
});

const agent = z.strictObject({
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  resyncSeconds: z
    .int()
    .min(1)
    .max(3600)
    .default(30)
    .describe('How often the edge is looked at where nothing has changed.'),
  cloudflareAPI: z
    .string()
    .regex(/^(https:\/\/.+)?$/)
    .default('')
    .describe("Where Cloudflare's API stands, for a proxy. Empty: where it does."),
  otlpEndpoint: z
    .string()
    .regex(/^(https?:\/\/.+)?$/)
    .default('')
    .describe('Where OpenTelemetry spans go, over HTTP. Empty: nowhere.'),
  extraEnv: z.array(kubernetes).default([]).describe('Further variables of the container.'),
});

const serviceAccount = z.strictObject({
  create: z.boolean().default(true),
  name: z.string().default('').describe('Empty: the name of the release.'),
  annotations: strings.default({}),
});

const pod = z.strictObject({
  annotations: strings.default({}),
  labels: strings.default({}),
  resources: kubernetes
    .default({ requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } })
    .describe(
      'About 120 MB with few resources, 320 MB with 10,000 (bench/RESULTS.md). No limit of CPU: where it is throttled, edits reach the edge later.',
    ),
  priorityClassName: z.string().default(''),
  nodeSelector: strings.default({}),
  tolerations: z.array(kubernetes).default([]),
  affinity: kubernetes.default({}),
  spreadOver: z
    .array(z.string())
    .default(['topology.kubernetes.io/zone', 'kubernetes.io/hostname'])
    .describe('Labels of nodes over which the replicas are spread, where that is possible.'),
});

const podDisruptionBudget = z.strictObject({
  enabled: z.boolean().default(true).describe('Rendered where there are two replicas or more.'),
});

const metrics = z.strictObject({
  service: z.boolean().default(true).describe('A Service with the port `http`, for what scrapes Services.'),
  serviceMonitor: z
    .strictObject({
      enabled: z.boolean().default(false),
      interval: z.string().default('30s'),
      labels: strings.default({}).describe('Those that your Prometheus selects ServiceMonitors by.'),
    })
    .prefault({})
    .describe('For the Prometheus operator.'),
});

const networkPolicy = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .describe('Without it everything is allowed. Some networks do not enforce it: then it changes nothing.'),
  apiServer: z
    .strictObject({
      ports: z.array(port).min(1).default([443, 6443]),
      cidrs: z.array(cidr).default([]).describe('Empty: anywhere.'),
    })
    .prefault({})
    .describe('Where the API server is. `kubectl get endpoints -n default kubernetes` says so.'),
  edge: z
    .strictObject({
      ports: z.array(port).min(1).default([443]),
      cidrs: z
        .array(cidr)
        .default([])
        .describe('Empty: anywhere. Cloudflare publishes its own at https://www.cloudflare.com/ips.'),
    })
    .prefault({})
    .describe('Where edges and inboxes are.'),
  scrapeNamespaces: kubernetes
    .default({})
    .describe(
      'Selects the namespaces whose pods are asked for their load with `signals.from: Pods`, or in which Prometheus is. `{}`: all.',
    ),
  scrapePorts: z
    .array(port)
    .default([])
    .describe(
      'The ports of those pods, such as 8000 and 8080 (models), 8002 (Triton), 9090 (endpoint pickers, Prometheus). Empty: all.',
    ),
  metricsFrom: z
    .array(kubernetes)
    .default([])
    .describe('Who may read the metrics of the agent, as `from` of a NetworkPolicy. Empty: everybody in the cluster.'),
  extraEgress: z.array(kubernetes).default([]).describe('For a proxy, or a collector of spans.'),
});

const admissionPolicies = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .describe(
      'ValidatingAdmissionPolicies: who names a Secret in a resource must be allowed to read it, and the agent itself changes nothing but finalizers and status.',
    ),
  actions: z
    .array(z.enum(['Deny', 'Warn', 'Audit']))
    .min(1)
    .max(2)
    .default(['Deny'])
    .describe('`[Warn, Audit]` tries them out first.'),
});

const peopleRoles = z.strictObject({
  enabled: z.boolean().default(true).describe('ClusterRoles for people, see docs/rbac.md.'),
  aggregate: z
    .boolean()
    .default(true)
    .describe("Makes them part of Kubernetes' own `view` and `edit`, so that whoever has those has these."),
});

export const chartValues = z.strictObject({
  image: image.prefault({}).describe('What runs.'),
  imagePullSecrets: z
    .array(z.strictObject({ name: secretName }))
    .default([])
    .describe('Names of the Secrets to pull it with.'),
  replicas: z.int().min(0).max(10).default(2).describe('One leads, the others wait to take over.'),
  watchNamespaces: z
    .array(namespaceName)
    .max(256)
    .default([])
    .describe(
      'The namespaces whose resources are read, and the only ones that the agent has rights in. Empty: all of the cluster.',
    ),
  credentials: z
    .array(credentials)
    .max(256)
    .default([])
    .describe(
      "The Secrets that the agent may read, by namespace: signing keys, providers' keys, callers' keys. Each entry becomes a Role of exactly these, such as `{namespace: team-a, names: [openai]}`. The owner of a namespace may let it read all Secrets there instead, by binding the ClusterRole `fairlead-secret-reader`.",
    ),
  agent: agent.prefault({}).describe('How the agent works.'),
  signals: signals.prefault({}).describe('The load of inference services, for `LeastLoad`.'),
  serviceAccount: serviceAccount.prefault({}).describe('Who the agent is in the cluster.'),
  pod: pod.prefault({}).describe('Where and how its pods run.'),
  podDisruptionBudget: podDisruptionBudget.prefault({}).describe('Keeps a replica running while nodes are drained.'),
  metrics: metrics.prefault({}).describe('Who reads its metrics.'),
  networkPolicy: networkPolicy.prefault({}).describe('What the agent may reach, and who may reach it.'),
  admissionPolicies: admissionPolicies.prefault({}).describe('What the API server refuses at once.'),
  peopleRoles: peopleRoles.prefault({}).describe('Rights of people.'),
  nameOverride: z
    .string()
    .max(40)
    .regex(/^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$/)
    .default('')
    .describe('What everything is named by. Empty: the name of the release.'),
  global: kubernetes.default({}).describe('For charts that have this one as a part. Nothing here is read.'),
});

/** What people write: everything has a default. */
export type ChartValues = z.input<typeof chartValues>;
