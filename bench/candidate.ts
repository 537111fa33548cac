import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';

import { endWithUs, stopChild } from './child-process.ts';
import type { RunningServer } from './child-process.ts';
import { renderWorkerdConfig, textBinding } from './workerd-config.ts';
import { startWorkerd } from './workerd-server.ts';

/** Something that is measured: a way from a client to the upstream. */
export type Candidate = {
  name: string;
  does: string;
  start: (upstreamPort: number) => Promise<RunningCandidate>;
};

export type RunningCandidate = RunningServer & {
  name: string;
  /** What a request must look like to be let through. */
  path: string;
  headers: Readonly<Record<string, string>>;
};

/** What the OpenAI SDK sends. */
export const clientHeaders = {
  authorization: 'Bearer sk-bench',
  accept: 'application/json',
  'user-agent': 'OpenAI/JS 7.57.0',
  'x-stainless-lang': 'js',
  'x-stainless-runtime': 'node',
};

/** The candidate that all others are compared with. */
export const passThrough = workerCandidate('pass-through', 'bare workerd, nothing read', 'candidates/pass-through.js');

/** The candidate that streams are compared with. */
export const streamMeter = workerCandidate('meter', 'hand-written, one TransformStream', 'candidates/stream-meter.js');

function workerCandidate(name: string, does: string, mainModule: string): Candidate {
  return {
    name,
    does,
    start: async (upstreamPort) => {
      const bindings = [textBinding('UPSTREAM', `http://127.0.0.1:${upstreamPort}`)];
      const config = await renderWorkerdConfig({ mainModule, bindings });
      const server = await startWorkerd(config, import.meta.dirname);
      return { ...server, name, path: '/v1/chat/completions', headers: clientHeaders };
    },
  };
}

/** The upstream runs in a process of its own, so that its CPU is nobody else's. */
export async function startUpstream(): Promise<RunningServer> {
  const script = path.join(import.meta.dirname, 'upstream.ts');
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  endWithUs(child);
  const [line]: unknown[] = await once(createInterface(child.stdout), 'line');
  return { pid: child.pid ?? 0, port: Number(line), stop: () => stopChild(child) };
}
