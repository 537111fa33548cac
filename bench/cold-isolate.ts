import { rm } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { startEdgeInParts, type EdgeInParts } from '../dev/edge.ts';
import { startLargeAgent } from './large-agent.ts';
import { largeEdge, largeHost, largeKey } from './large-edge.ts';
import { childrenOf, fineCpuMicroseconds } from './process-usage.ts';
import { temporaryFolder } from './temporary-folder.ts';

export type ColdStart = {
  /** CPU of the process of a fresh isolate until it has answered from its table, in milliseconds. */
  withTable: number;
  /** The same until it has answered a question that needs no table. */
  without: number;
  /** Wall time of the first answer from the table, in milliseconds. */
  answerMs: number;
};

/** A model that the application may call, by one of the routes of its team. */
const withTable = '/app-0/v1/models/model-1';

/** Needs no table, and is answered by the same worker. */
const withoutTable = '/fairlead/nothing';

/**
 * Real workerd: hub, KV and one isolate are processes of their own. The isolate's is started anew for each
 * measurement, alternately with and without a question to its table.
 */
export async function measureColdStarts(runs: number): Promise<ColdStart[]> {
  const large = await largeEdge();
  const storageFolder = path.join(await temporaryFolder(), 'storage');
  const edge = await startEdgeInParts({ port: 0, vars: large.vars, isolates: 1, storageFolder });
  try {
    const agent = startLargeAgent(large, edge.url, fetch);
    try {
      await agent.served();
    } finally {
      await agent.stop();
    }
    const starts: ColdStart[] = [];
    for (let run = 0; run < runs; run += 1) {
      const cold = await coldStart(edge, withTable, 200);
      const bare = await coldStart(edge, withoutTable, 404);
      starts.push({ withTable: cold.cpuMs, without: bare.cpuMs, answerMs: cold.answerMs });
    }
    return starts;
  } finally {
    await edge.dispose();
    await rm(storageFolder, { recursive: true, force: true });
  }
}

async function coldStart(
  edge: EdgeInParts,
  askedPath: string,
  status: number,
): Promise<{ cpuMs: number; answerMs: number }> {
  const [isolate] = edge.isolates;
  if (!isolate) throw new Error('the edge has no isolate');
  // Its own Cache API goes too: what an earlier life left there would spare it the hub.
  await isolate.stop({ wipe: true });
  const before = new Set(await childrenOf(process.pid));
  await isolate.start();
  const pid = (await childrenOf(process.pid)).find((child) => !before.has(child));
  if (pid === undefined) throw new Error('the isolate has no process');
  const asked = performance.now();
  const answer = await ask(new URL(askedPath, isolate.url));
  const answerMs = performance.now() - asked;
  const cpuMs = (await fineCpuMicroseconds(pid)) / 1000;
  if (answer.statusCode !== status) throw new Error(`${askedPath} was answered with ${answer.statusCode}`);
  return { cpuMs, answerMs };
}

/** Under the host name of the application's team, which `fetch` would not send. */
async function ask(url: URL): Promise<IncomingMessage> {
  const headers = { host: largeHost, authorization: `Bearer ${largeKey}` };
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { headers }, resolve).once('error', reject);
  });
  await text(answer);
  return answer;
}
