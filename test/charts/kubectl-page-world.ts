import { z } from 'zod';
import { startEdgeInParts, type EdgeInParts } from '../../dev/edge.ts';
import { openKubernetesApi } from '../../sync-agent/kubernetes/open-kubernetes-api.ts';
import { runAgent } from '../../sync-agent/run-agent.ts';
import { CLUSTER_DOORS } from '../../sync-agent/run-in-cluster.ts';
import { startApiServer, type ApiServer } from '../support/api-server.ts';
import { AGENT_NAMESPACE, installCharts } from '../support/chart.ts';
import { eventually } from '../support/eventually.ts';
import { runFairlead } from '../support/run-fairlead.ts';

/** The example of docs/deploy.md with a real agent and a real edge, for which only the domain is not its own. */
export interface PageWorld {
  readonly server: ApiServer;
  /** From now on the agent does not reach the edge. */
  readonly loseEdge: () => void;
  /** Resolves when a condition of a resource of the example has that reason. */
  readonly says: (resource: string, type: string, reason: string) => Promise<void>;
  dispose(): Promise<void>;
}

const ENDPOINT = 'https://llm.example.com';

const keys = z.object({
  workerSecrets: z.record(z.string(), z.string()),
  clusterSecret: z.string(),
  edgeGateway: z.unknown(),
});

export async function startPageWorld(): Promise<PageWorld> {
  const [server, made] = await Promise.all([
    startApiServer(),
    runFairlead(['keygen', '--json', '--endpoint', ENDPOINT, '--cluster', 'production', '--namespace', 'llm']),
  ]);
  const { workerSecrets, clusterSecret, edgeGateway } = keys.parse(JSON.parse(made.stdout));
  const vars = { ...workerSecrets, FAIRLEAD_LOCAL: 'true' };
  const edge = await startEdgeInParts({ port: 0, isolates: 2, vars: () => vars });
  const callers = keepCalling(edge);
  const credentials = [{ namespace: 'llm', names: ['edge-signing-key', 'openai'] }];
  const token = await installCharts(server, { credentials });
  await server.kubectl(['apply', '--server-side', '-f', 'test/envtest/crds']);
  await server.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
  await server.kubectl(['apply', '-f', '-'], clusterSecret);
  await server.kubectl(['apply', '-f', '-'], JSON.stringify(edgeGateway));
  await applyExample(server);
  const way = { isOpen: true };
  const agent = await startAgent(server, token, edge, way);
  return {
    server,
    loseEdge: () => {
      way.isOpen = false;
    },
    says: (resource, type, reason) =>
      eventually(`${resource} says ${reason}`, async () => {
        const path = `jsonpath={.status.conditions[?(@.type=="${type}")].reason}`;
        return (await server.kubectl(['get', resource, '-n', 'llm', '-o', path])) === reason;
      }),
    async dispose() {
      await agent.stop();
      await callers.stop();
      await Promise.all([server.stop(), edge.dispose()]);
    },
  };
}

/** An edge that nobody calls has no isolates. */
function keepCalling(edge: EdgeInParts) {
  const stopping = new AbortController();
  const call = async (url: string): Promise<void> => {
    while (!stopping.signal.aborted) {
      await fetch(`${url}/healthz`).then(
        (response) => response.arrayBuffer(),
        () => undefined,
      );
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const calling = Promise.all(edge.urls.map(call));
  return {
    async stop() {
      stopping.abort();
      await calling;
    },
  };
}

async function applyExample(server: ApiServer): Promise<void> {
  const secret = async (name: string, hosts: string, values: readonly string[]): Promise<void> => {
    await server.kubectl(['create', 'secret', 'generic', name, '-n', 'llm', ...values]);
    await server.kubectl(['annotate', 'secret', name, '-n', 'llm', `fairlead.dev/hosts=${hosts}`]);
  };
  await secret('openai', 'api.openai.com', ['--from-literal=api-key=sk-test']);
  await secret('tunnel', 'qwen.gpu.example.com', ['--from-literal=id=a', '--from-literal=secret=b']);
  for (const path of ['', '/gpu']) await server.kubectl(['apply', '-f', `examples/cluster${path}`]);
  await server.kubectl(['apply', '-f', '-'], JSON.stringify(UNRESOLVED));
  const message = '0/6 nodes are available: 6 Insufficient nvidia.com/gpu.';
  const conditions = ['PredictorReady', 'IngressReady', 'Ready'].map((type) => ({
    type,
    status: type === 'IngressReady' ? 'Unknown' : 'False',
    lastTransitionTime: '2026-11-02T09:00:00Z',
    ...(type !== 'IngressReady' && { reason: 'MinimumReplicasUnavailable', message }),
  }));
  const patch = ['patch', 'inferenceservice', 'qwen', '-n', 'llm', '--subresource=status', '--type=merge', '-p'];
  await server.kubectl([...patch, JSON.stringify({ status: { conditions } })]);
}

/** A slip, as it happens. */
const UNRESOLVED = {
  apiVersion: 'fairlead.dev/v1alpha1',
  kind: 'GatewayRoute',
  metadata: { name: 'embeddings', namespace: 'llm' },
  spec: { models: [{ name: 'assistant' }, { name: 'embedder' }], pathPrefix: '/search' },
};

/** As in a pod, with the rights that the chart gives it. */
async function startAgent(server: ApiServer, token: string, edge: EdgeInParts, way: { readonly isOpen: boolean }) {
  const stopping = new AbortController();
  const kubeconfig = await server.kubeconfigFor({ token });
  const throughEdge: typeof fetch = (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    if (!url.startsWith(ENDPOINT)) return fetch(input, init);
    if (!way.isOpen) return Promise.reject(new TypeError('fetch failed', { cause: new Error('connect ETIMEDOUT') }));
    return fetch(url.replace(ENDPOINT, edge.url), init);
  };
  const ended = runAgent({
    args: ['--kubeconfig', kubeconfig, '--namespace', AGENT_NAMESPACE, '--resync-seconds', '1'],
    env: { POD_NAME: 'fairlead-6c8d5b7f9-x7k2p' },
    out: () => undefined,
    err: () => undefined,
    signal: stopping.signal,
    doors: { ...CLUSTER_DOORS, openApi: openKubernetesApi, fetch: throughEdge },
  });
  return {
    async stop() {
      stopping.abort(new Error('over'));
      await ended;
    },
  };
}
