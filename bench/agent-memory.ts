import { spawn, type ChildProcess } from 'node:child_process';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { startEdge } from '../dev/edge.ts';
import { endWithUs, stopChild } from './child-process.ts';
import { largeEdge, writeResources, type FolderShape } from './large-edge.ts';
import { cpuMicroseconds, peakResidentBytes, residentBytes } from './process-usage.ts';
import { temporaryFolder } from './temporary-folder.ts';

const megabyte = 2 ** 20;
const servedDeadlineMs = 60_000;
/** The collector may still be at work when the edge serves. */
const settleMs = 3000;

export type AgentMemory = {
  files: number;
  /** Megabytes resident once the edge serves the first table. */
  served: number;
  /** The most that it ever was. */
  peak: number;
  cpuSeconds: number;
};

/** A whole agent, as it is started by hand, on a folder of 10,000 resources; its edge is another process. */
export async function measureAgentMemory(shape: FolderShape): Promise<AgentMemory> {
  const large = await largeEdge();
  const edge = await startEdge({ port: 0, vars: large.vars });
  const folder = path.join(await temporaryFolder(), 'resources');
  try {
    const files = await writeResources(folder, large.resources(edge.url), shape);
    const main = path.join(import.meta.dirname, '../sync-agent/main.ts');
    const agent = spawn(process.execPath, [main, '--source-dir', folder], { stdio: ['ignore', 'pipe', 'inherit'] });
    endWithUs(agent);
    try {
      return { files, ...(await usageOnceServed(agent, agent.stdout)) };
    } finally {
      await stopChild(agent);
    }
  } finally {
    await edge.dispose();
    await rm(folder, { recursive: true, force: true });
  }
}

async function usageOnceServed(agent: ChildProcess, log: Readable): Promise<Omit<AgentMemory, 'files'>> {
  const pid = agent.pid ?? 0;
  await untilServed(log);
  await sleep(settleMs);
  const [served, peak, cpu] = await Promise.all([residentBytes(pid), peakResidentBytes(pid), cpuMicroseconds(pid)]);
  return { served: served / megabyte, peak: peak / megabyte, cpuSeconds: cpu / 1e6 };
}

async function untilServed(log: Readable): Promise<void> {
  const deadline = setTimeout(() => log.destroy(new Error('the agent had nothing served in time')), servedDeadlineMs);
  try {
    for await (const line of createInterface(log)) if (line.includes('"message":"served"')) return;
    throw new Error('the agent ended before the edge served its table; its log says why');
  } finally {
    clearTimeout(deadline);
  }
}
