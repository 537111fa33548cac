import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  keepAgentInCluster,
  startAgentInCluster,
  type AgentInCluster,
  type AgentInClusterOptions,
  type KeptAgent,
} from './agent-in-cluster.ts';
import { startApiServer, type ApiServer } from './api-server.ts';
import { steadyModel } from './cluster-under-test.ts';
import { startEdgeUnderTest, type EdgeUnderTest, type EdgeUnderTestOptions } from './edge-under-test.ts';
import { trueStatus } from './true-status.ts';
import { startClusterAgentProcess, type AgentProcess, type AgentProcessOptions } from './running-agent.ts';

/** An edge under test whose cluster is a real API server: what is a folder elsewhere is applied with kubectl. */
export interface KubernetesWorld extends Pick<EdgeUnderTest, 'edge' | 'simulator' | 'startClient' | 'lines'> {
  readonly api: ApiServer;
  readonly edgeUnderTest: EdgeUnderTest;
  /** `kubectl apply` of documents of YAML. */
  apply(yaml: string): Promise<void>;
  /** Applies the model whose answers tell that step. */
  write(step: number): Promise<void>;
  /** A process of its own; ended by `endTest` at the latest. All agents of a test share a Lease. */
  startAgent(options?: AgentProcessOptions): AgentProcess;
  /** One in the test's own process, of the same Lease unless its flags say another; ended likewise. */
  startAgentHere(options?: Partial<AgentInClusterOptions>): AgentInCluster;
  /** The same, started anew whenever it ends by itself. */
  keepAgentHere(options?: Partial<AgentInClusterOptions>): KeptAgent;
  /** The name of the test's Lease, in the namespace `fairlead-system`. */
  lease(): string;
  /** Resolves when the resource has the condition: `programmed('aimodel/model-of-test')`. @throws after 30 s */
  programmed(resource: string): Promise<void>;
  /**
   * Resolves when all resources are Programmed as they stand there now, and the EdgeGateway says the revision that its
   * hub holds, and that it is served. @throws after 20 s, with what is not so
   */
  statusIsTrue(): Promise<void>;
  /** Installs CRDs, namespace and everything of the cluster's folder: after a start, or in a new cluster. */
  populate(): Promise<void>;
  /** Installs the CRDs of KServe and of the inference extension, in small. */
  installKServe(): Promise<void>;
  /** The last lines of every agent, for a test that failed. */
  describeFailure(): string;
  /** All that the agents have written. */
  describeAgents(): string;
  endTest(): Promise<void>;
  dispose(): Promise<void>;
}

/** The namespace of the agent. */
const SYSTEM = 'fairlead-system';

const MANIFESTS = fileURLToPath(new URL('../../crds/manifests', import.meta.url));

const OTHER_CRDS = fileURLToPath(new URL('../envtest/crds', import.meta.url));

export async function startKubernetesWorld(options: EdgeUnderTestOptions = {}): Promise<KubernetesWorld> {
  const [edgeUnderTest, api] = await startBoth(options);
  const { cluster, edge, simulator, lines } = edgeUnderTest;
  const agents = new Set<AgentProcess>();
  const agentsHere = new Set<Pick<AgentInCluster, 'stop' | 'lines'>>();
  let tests = 1;
  const lease = (): string => `lease-${tests}`;
  const flagsHere = (flags: readonly string[] = []): string[] => [
    '--kubeconfig',
    api.kubeconfig,
    '--namespace',
    SYSTEM,
    '--lease-name',
    lease(),
    '--resync-seconds=1',
    ...flags,
  ];
  const noted = <T extends Pick<AgentInCluster, 'stop' | 'lines'>>(agent: T): T => {
    agentsHere.add(agent);
    return agent;
  };
  const apply = async (yaml: string): Promise<void> => {
    await api.kubectl(['apply', '-f', '-'], yaml);
  };
  const populate = async (): Promise<void> => {
    const manifests = (await readdir(MANIFESTS)).flatMap((file) => ['-f', join(MANIFESTS, file)]);
    await api.kubectl(['apply', ...manifests]);
    await api.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
    await apply(JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: SYSTEM } }));
    await api.kubectl(['apply', '-f', cluster.folder.path]);
  };
  const endTest = async (): Promise<void> => {
    const ended = [...agents];
    agents.clear();
    for (const agent of ended) agent.goOn();
    await Promise.all([...ended.map((agent) => agent.kill()), ...[...agentsHere].map((agent) => agent.stop())]);
    agentsHere.clear();
    // What was killed holds its Lease for a while.
    tests += 1;
    await api.resume();
    await edgeUnderTest.endTest();
  };
  await populate();
  return {
    api,
    edge,
    simulator,
    lines,
    edgeUnderTest,
    apply,
    populate,
    write: (step) => apply(steadyModel(cluster.model, step)),
    startClient: (...args) => edgeUnderTest.startClient(...args),
    startAgent({ flags = [], ...agentOptions } = {}) {
      const agent = startClusterAgentProcess(
        { kubeconfig: api.kubeconfig, namespace: SYSTEM },
        { ...agentOptions, flags: ['--lease-name', lease(), ...flags] },
      );
      agents.add(agent);
      return agent;
    },
    startAgentHere: ({ flags, ...more } = {}) => noted(startAgentInCluster({ ...more, flags: flagsHere(flags) })),
    keepAgentHere: ({ flags, ...more } = {}) => noted(keepAgentInCluster({ ...more, flags: flagsHere(flags) })),
    lease,
    statusIsTrue: async () => trueStatus(api, await cluster.calls()),
    async programmed(resource) {
      await api.kubectl(['wait', '--for=condition=Programmed', resource, '--timeout=30s']);
    },
    async installKServe() {
      await api.kubectl(['apply', '--server-side', '-f', OTHER_CRDS]);
      await api.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
    },
    describeFailure: () =>
      [...agents, ...agentsHere]
        .flatMap(({ lines: log }) => log.all.slice(-30).map((line) => JSON.stringify(line)))
        .join('\n'),
    describeAgents: () => JSON.stringify([...agents].flatMap(({ lines: log }) => log.all)),
    endTest,
    async dispose() {
      await endTest().catch(() => undefined);
      await Promise.all([api.stop(), edgeUnderTest.dispose()]);
    },
  };
}

/** Each chooses ports a moment before it takes them, so that one may have what the other chose: then the edge chooses anew. */
async function startBoth(options: EdgeUnderTestOptions): Promise<[EdgeUnderTest, ApiServer]> {
  const startingApi = startApiServer();
  try {
    const startEdge = () => startEdgeUnderTest(options);
    const edge = await startEdge().catch((error: unknown) => {
      if (!/is taken by another process/.test(String(error))) throw error;
      return startEdge();
    });
    return [edge, await startingApi];
  } catch (error) {
    // Else its processes would outlive the test, and keep whoever started it from ending.
    await startingApi.then((api) => api.stop()).catch(() => undefined);
    throw error;
  }
}
