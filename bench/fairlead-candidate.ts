import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { overlay } from '../cli/dev/overlay.ts';
import { makeEdgeKeys, workerSecrets, type EdgeKeys } from '../cli/edge-keys.ts';
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
    const gateway = await startFairlead(upstreamPort, { onAgentEvent: () => undefined });
    // The edge does not need it any more, and what it asks would be counted as the edge's.
    await gateway.stopAgent();
    return { ...gateway.edge, name: 'fairlead', path: '/v1/chat/completions', headers: clientHeaders };
  },
};

export type RunningFairlead = {
  edge: RunningServer;
  /** The folder that the agent watches. */
  folder: string;
  stopAgent: () => Promise<void>;
};

/** Starts edge and agent on a copy of bench/resources; resolves when the edge serves it. */
export async function startFairlead(
  upstreamPort: number,
  { onAgentEvent }: { onAgentEvent: (event: AgentEvent) => void },
): Promise<RunningFairlead> {
  const workplace = await temporaryFolder();
  const folder = path.join(workplace, 'resources');
  await mkdir(folder);
  await writeFile(path.join(folder, 'bench.yaml'), await benchResources(upstreamPort));
  const keys = await makeEdgeKeys();
  const worker = await startWorker(keys, path.join(workplace, 'storage'));
  const agent = startAgent(folder, keys, worker.port, onAgentEvent);
  const stop = async () => {
    await agent.stop();
    await worker.stop();
    await rm(workplace, { recursive: true, force: true });
  };
  try {
    await agent.served;
  } catch (error) {
    await stop();
    throw error;
  }
  return { edge: { ...worker, stop }, folder, stopAgent: agent.stop };
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

function startAgent(
  folder: string,
  keys: EdgeKeys,
  port: number,
  onEvent: (event: AgentEvent) => void,
): { served: Promise<void>; stop: () => Promise<void> } {
  const firstServed = Promise.withResolvers<void>();
  const source = createDirectorySource({
    dir: folder,
    overlay: (resources) => overlay(resources, { endpoint: `http://127.0.0.1:${port}`, clusterName, keys }),
  });
  const report = (event: AgentEvent) => {
    if (event.type === 'served') firstServed.resolve();
    if (event.type === 'failed' && event.retryInMs === null) firstServed.reject(new Error(event.sentence));
    onEvent(event);
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
