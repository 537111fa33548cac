import { startEdge, type Edge, type EdgeLogLine, type EdgeOptions } from '../../dev/edge.ts';
import { instantPace, type Pace } from '../../dev/simulator/pace.ts';
import { startSimulator, type Simulator } from '../../dev/simulator/server.ts';
import { makeEdgeKeys, workerSecrets, type EdgeKeys } from '../../cli/edge-keys.ts';
import { renderClusterSecret } from '../../sync-agent/render-keys.ts';
import type { StartAgent, RunningAgent } from './running-agent.ts';
import { Happenings } from './happenings.ts';
import { edgeGateway } from './resource-files.ts';
import { temporaryFolder, type TemporaryFolder } from './temporary-folder.ts';

/** Simulator, edge in workerd and agent on a folder, all real, as tests need them. */
export interface GatewayUnderTest {
  readonly edge: Edge;
  readonly simulator: Simulator;
  readonly folder: TemporaryFolder;
  /** The worker's lines about requests, parsed. */
  readonly requests: Happenings<RequestLine>;
  /** Everything else that the worker or workerd wrote. */
  readonly otherLines: readonly EdgeLogLine[];
  readonly agent: RunningAgent;
  readonly keys: EdgeKeys;
  /** Ends the agent, if it runs, and starts one anew on the same folder. */
  restartAgent(): Promise<void>;
  /** Writes a file and waits until the edge serves what it says. @returns the revision */
  apply(file: string, content: string): Promise<string>;
  /** Removes a file and waits until the edge serves without it. */
  withdraw(file: string): Promise<string>;
  dispose(): Promise<void>;
}

/** One line of the worker's log about a request. */
export interface RequestLine {
  readonly event: 'request';
  readonly [field: string]: unknown;
}

export interface GatewayOptions {
  /** YAML by file name, given where the simulator listens. */
  readonly files: (simulator: string) => Readonly<Record<string, string>>;
  readonly startAgent: StartAgent;
  readonly pace?: Pace;
  /** Asked of calls to the simulator as a bearer token. */
  readonly apiKey?: string;
  /** Further bindings of the worker, which providers may be reached through. */
  readonly bindings?: NonNullable<EdgeOptions['bindings']>;
}

const CLUSTER = 'test';

export async function startGateway(options: GatewayOptions): Promise<GatewayUnderTest> {
  const keys = await makeEdgeKeys();
  const { pace = instantPace, apiKey, bindings = {} } = options;
  const simulator = await startSimulator({ pace, ...(apiKey === undefined ? {} : { apiKey }) });
  const requests = new Happenings<RequestLine>();
  const otherLines: EdgeLogLine[] = [];
  const edge = await startEdge({
    port: 0,
    bindings,
    vars: (origin) => ({ ...workerSecrets(keys, CLUSTER, origin), FAIRLEAD_LOCAL: 'true' }),
    onLog: (line) => {
      const request = parseRequestLine(line.message);
      if (request === undefined) otherLines.push(line);
      else requests.add(request);
    },
  });
  const folder = await temporaryFolder({
    ...edgeFiles(keys, edge.url, Object.keys(bindings)),
    ...options.files(simulator.url),
  });
  const { startAgent } = options;
  let agent = await startAgent(folder.path);
  await agent.served();

  return {
    edge,
    keys,
    simulator,
    folder,
    requests,
    otherLines,
    get agent() {
      return agent;
    },
    async restartAgent() {
      await agent.stop();
      agent = await startAgent(folder.path);
    },
    async apply(file, content) {
      await folder.write(file, content);
      return agent.served();
    },
    async withdraw(file) {
      await folder.remove(file);
      return agent.served();
    },
    async dispose() {
      await agent.stop();
      await Promise.all([edge.dispose(), simulator.close(), folder.dispose()]);
    },
  };
}

function edgeFiles(keys: EdgeKeys, endpoint: string, bindings: readonly string[]): Record<string, string> {
  const { kid, publicKey } = keys.sealing;
  return {
    'edge.yaml': edgeGateway({ endpoint, clusterName: CLUSTER, sealingKeys: [{ kid, publicKey }], bindings }),
    'signing-key.yaml': renderClusterSecret({
      namespace: 'default',
      name: 'edge-signing-key',
      signingKey: keys.signing,
      secretIdKey: keys.secretIdKey,
    }),
  };
}

function parseRequestLine(message: string): RequestLine | undefined {
  if (!message.startsWith('{')) return undefined;
  const parsed: unknown = JSON.parse(message);
  return isRequestLine(parsed) ? parsed : undefined;
}

function isRequestLine(parsed: unknown): parsed is RequestLine {
  return typeof parsed === 'object' && parsed !== null && 'event' in parsed && parsed.event === 'request';
}
