import type { Edge } from '../../dev/edge.ts';
import type { Simulator } from '../../dev/simulator/server.ts';
import { makeSecretIdKey, type SealingKeyPair, type SigningKeyPair } from '../../sync-agent/keys.ts';
import { renderClusterSecret } from '../../sync-agent/render-keys.ts';
import { consumer, documents, edgeGateway, model, provider, route, secret } from './resource-files.ts';
import { startAgentInProcess, type AgentInProcess, type AgentSurroundings } from './running-agent.ts';
import { signedCalls, type SignedCalls } from './signed-calls.ts';
import { temporaryFolder, type TemporaryFolder } from './temporary-folder.ts';

/** A cluster that publishes to an edge: its folder, its keys, and the agents that it runs. */
export interface ClusterUnderTest {
  readonly name: string;
  readonly signing: SigningKeyPair;
  readonly secretIdKey: string;
  readonly folder: TemporaryFolder;
  /** Of a consumer of its own. */
  readonly clientKey: string;
  /** The one that it serves. */
  readonly model: string;
  /** From now on the table is the one of that step: a steady client sees which one answers. */
  write(step: number): Promise<void>;
  /** Calls signed by hand with the cluster's key. */
  calls(): Promise<SignedCalls>;
  /** In process; ended by `stopAgents` at the latest. */
  startAgent(surroundings?: AgentSurroundings): Promise<AgentInProcess>;
  /** Writes the table of that step and waits until a new agent, which is ended then, has it served everywhere. */
  publish(step: number, surroundings?: AgentSurroundings): Promise<void>;
  stopAgents(): Promise<void>;
}

export interface ClusterOptions {
  readonly name: string;
  readonly edge: Pick<Edge, 'url'>;
  readonly simulator: Pick<Simulator, 'url'>;
  readonly sealing: SealingKeyPair;
  readonly signing: SigningKeyPair;
}

/** What the provider asks of its callers: sealed for the edge, so that an answer tells that it could be opened too. */
export const PROVIDER_KEY = 'sk-of-the-provider';

/** An agent looks at the edge this often without being told, in milliseconds: 30 s otherwise. */
const RESYNC_MS = 300;

export async function startClusterUnderTest(options: ClusterOptions): Promise<ClusterUnderTest> {
  const { name, edge, simulator, signing } = options;
  const modelName = `model-of-${name}`;
  const secretIdKey = makeSecretIdKey();
  const clientKey = `sk-test-of-${name}`;
  const folder = await temporaryFolder({
    ...edgeFiles(options, secretIdKey),
    'provider.yaml': documents(
      provider('simulator', {
        baseURL: `${simulator.url}/v1`,
        auth: { type: 'APIKey', apiKey: { type: 'SecretRef', secretRef: { name: 'upstream', key: 'key' } } },
      }),
      secret('upstream', new URL(simulator.url).host, { key: PROVIDER_KEY }),
    ),
    'route.yaml': documents(route('chat', [modelName]), consumer('someone', clientKey)),
  });
  const agents = new Set<AgentInProcess>();
  const startAgent = async (surroundings: AgentSurroundings = {}): Promise<AgentInProcess> => {
    const agent = await startAgentInProcess(folder.path, { resyncMs: RESYNC_MS, ...surroundings });
    agents.add(agent);
    return agent;
  };
  const write = (step: number): Promise<void> => folder.write('model.yaml', steadyModel(modelName, step));
  return {
    name,
    signing,
    secretIdKey,
    folder,
    clientKey,
    model: modelName,
    write,
    calls: () => signedCalls({ url: edge.url, cluster: name, signing }),
    startAgent,
    async publish(step, surroundings) {
      await write(step);
      const agent = await startAgent(surroundings);
      await agent.served();
      agents.delete(agent);
      await agent.stop();
    },
    async stopAgents() {
      const ended = [...agents];
      agents.clear();
      // One that gave up has said so already, to who asked.
      await Promise.all(ended.map((agent) => agent.stop().catch(() => undefined)));
    },
  };
}

/** The model whose answers tell by which table they were given. */
export function steadyModel(name: string, step: number): string {
  return model(name, { provider: 'simulator', model: `step-${step}` });
}

function edgeFiles(
  { name, edge, sealing: { kid, publicKey }, signing }: ClusterOptions,
  secretIdKey: string,
): Record<string, string> {
  return {
    'edge.yaml': edgeGateway({ endpoint: edge.url, clusterName: name, sealingKeys: [{ kid, publicKey }] }),
    'signing-key.yaml': renderClusterSecret({
      namespace: 'default',
      name: 'edge-signing-key',
      signingKey: signing,
      secretIdKey,
    }),
  };
}
