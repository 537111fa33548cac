import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { overlay } from '../cli/dev/overlay.ts';
import { makeEdgeKeys, workerSecrets, type EdgeKeys } from '../cli/edge-keys.ts';
import { startEdge } from '../dev/edge.ts';
import { findFreePort } from '../dev/find-free-port.ts';
import { createAgent } from '../sync-agent/agent.ts';
import { silentLogger } from '../sync-agent/log.ts';
import { createDirectorySource } from '../sync-agent/source/directory.ts';
import type { AgentEvent } from '../sync-agent/status/status-sink.ts';
import { clientHeaders, type Candidate } from './candidate.ts';
import type { RunningServer } from './child-process.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { quote, renderWorkerdConfig, textBinding, workerService } from './workerd-config.ts';
import { startWorkerd } from './workerd-server.ts';

const projectRoot = path.join(import.meta.dirname, '..');
const clusterName = 'bench';
const startDeadlineMs = 30_000;

/** The bundle that would be deployed, on a table that an agent compiled and pushed. */
export const fairlead: Candidate = {
  name: 'fairlead',
  does: 'the bundle in dist/worker, on the table of bench/resources',
  start: async (upstreamPort) => {
    const gateway = await startFairlead(upstreamPort);
    // The edge does not need it any more, and what it asks would be counted as the edge's.
    await gateway.stopAgent();
    return { ...gateway.edge, name: 'fairlead', path: '/v1/chat/completions', headers: clientHeaders };
  },
};

type RunningFairlead = {
  edge: RunningServer;
  stopAgent: () => Promise<void>;
};

/** Starts edge and agent on a copy of bench/resources; resolves when the edge serves it. */
async function startFairlead(upstreamPort: number): Promise<RunningFairlead> {
  const { workplace, folder } = await benchFolder(upstreamPort);
  const keys = await makeEdgeKeys();
  const worker = await startWorker(keys, path.join(workplace, 'storage'));
  const agent = startAgent(folder, keys, worker.port);
  const stop = async () => {
    await agent.stop();
    await worker.stop();
    await rm(workplace, { recursive: true, force: true });
  };
  await servedOrStopped(agent, stop);
  return { edge: { ...worker, stop }, stopAgent: agent.stop };
}

export type FairleadInParts = {
  /** Origins of the isolates. */
  urls: readonly string[];
  /** The folder that the agent watches. */
  folder: string;
  stop: () => Promise<void>;
};

/** The same on the local edge of `dev/`, where hub, KV and isolates are processes of their own if there are several. */
export async function startFairleadInParts(upstreamPort: number, isolates: number): Promise<FairleadInParts> {
  const { workplace, folder } = await benchFolder(upstreamPort);
  const keys = await makeEdgeKeys();
  const vars = (origin: string) => ({ ...workerSecrets(keys, clusterName, origin), FAIRLEAD_LOCAL: 'true' });
  const edge = await startEdge({ port: 0, isolates, vars, storageFolder: path.join(workplace, 'storage') });
  const agent = startAgent(folder, keys, edge.port);
  const stop = async () => {
    await agent.stop();
    await edge.dispose();
    await rm(workplace, { recursive: true, force: true });
  };
  await servedOrStopped(agent, stop);
  return { urls: edge.urls, folder, stop };
}

async function servedOrStopped(agent: RunningAgent, stop: () => Promise<void>): Promise<void> {
  try {
    await agent.served;
  } catch (error) {
    await stop();
    throw error;
  }
}

async function benchFolder(upstreamPort: number): Promise<{ workplace: string; folder: string }> {
  const workplace = await temporaryFolder();
  const folder = path.join(workplace, 'resources');
  await mkdir(folder);
  await writeFile(path.join(folder, 'bench.yaml'), await benchResources(upstreamPort));
  return { workplace, folder };
}

export async function benchResources(upstreamPort: number): Promise<string> {
  const yaml = await readFile(path.join(import.meta.dirname, 'resources/bench.yaml'), 'utf8');
  return yaml.replaceAll('UPSTREAM', `127.0.0.1:${upstreamPort}`);
}

async function startWorker(keys: EdgeKeys, storage: string): Promise<RunningServer> {
  await mkdir(storage);
  // The worker is told its own address, so that the port is chosen before it starts.
  const port = await findFreePort();
  const secrets = workerSecrets(keys, clusterName, `http://127.0.0.1:${port}`);
  const config = await renderWorkerdConfig({
    mainModule: 'dist/worker/index.js',
    port,
    bindings: [
      ...Object.entries(secrets).map(([name, text]) => textBinding(name, text)),
      '(name = "TABLE_HUB", durableObjectNamespace = "TableHub")',
      '(name = "TABLE_KV", kvNamespace = "key-value")',
    ],
    workerFields: [
      'durableObjectNamespaces = [(className = "TableHub", uniqueKey = "hub", enableSql = true)]',
      'durableObjectStorage = (localDisk = "storage")',
    ],
    services: [
      `(name = "storage", disk = (path = ${quote(storage)}, writable = true))`,
      await workerService('key-value', 'bench/candidates/key-value.js'),
    ],
  });
  return startWorkerd(config, projectRoot);
}

type RunningAgent = { served: Promise<void>; stop: () => Promise<void> };

function startAgent(folder: string, keys: EdgeKeys, port: number): RunningAgent {
  const firstServed = Promise.withResolvers<void>();
  const source = createDirectorySource({
    dir: folder,
    overlay: (resources) => overlay(resources, { endpoint: `http://127.0.0.1:${port}`, clusterName, keys }),
  });
  const report = (event: AgentEvent) => {
    if (event.type === 'served') firstServed.resolve();
    if (event.type === 'failed' && event.retryInMs === null) firstServed.reject(new Error(event.sentence));
  };
  const deadline = setTimeout(() => {
    firstServed.reject(new Error(`Fairlead served no table within ${startDeadlineMs} ms`));
  }, startDeadlineMs);
  const stopping = new AbortController();
  const ended = createAgent({ source, sink: { report }, logger: silentLogger }).run(stopping.signal);
  ended.catch((error: unknown) => {
    firstServed.reject(error);
  });
  const stop = async () => {
    clearTimeout(deadline);
    stopping.abort();
    await ended;
  };
  return { served: firstServed.promise, stop };
}
