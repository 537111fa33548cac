import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

/**
 * A cheap HTTP/1.1 client over plain sockets: it must not take the CPU that it measures. It knows
 * bodies with a content length and chunked ones, and nothing else.
 */

export type LoadTarget = {
  port: number;
  path: string;
  headers: Readonly<Record<string, string>>;
  body: string;
};

export type LoadPlan = { connections: number; seconds: number };

/** Times are in microseconds, one a request, from the request's last byte sent. */
export type LoadResult = {
  requests: number;
  seconds: number;
  /** Until the whole answer was here. */
  latencies: number[];
  /** Until the first byte of the body was here. */
  firstBytes: number[];
};

export async function runLoad(target: LoadTarget, plan: LoadPlan): Promise<LoadResult> {
  const request = renderRequest(target);
  const latencies: number[] = [];
  const firstBytes: number[] = [];
  const start = performance.now();
  const end = start + plan.seconds * 1000;
  const work = async () => {
    const connection = await openConnection(target.port);
    try {
      while (performance.now() < end) {
        const answer = await connection.ask(request);
        latencies.push(answer.latency);
        firstBytes.push(answer.firstByte);
      }
    } finally {
      connection.close();
    }
  };
  await Promise.all(Array.from({ length: plan.connections }, work));
  const seconds = (performance.now() - start) / 1000;
  return { requests: latencies.length, seconds, latencies, firstBytes };
}

/** One request, and its whole answer as text; chunk sizes of the transfer stand in it. */
export async function askOnce(target: LoadTarget): Promise<string> {
  const connection = await openConnection(target.port);
  const answer = await connection.ask(renderRequest(target));
  connection.close();
  return answer.bytes.toString();
}

export function renderRequest(target: LoadTarget): Buffer {
  const headers = {
    host: `127.0.0.1:${target.port}`,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(target.body)),
    ...target.headers,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return Buffer.from(`POST ${target.path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${target.body}`);
}

type Answer = { bytes: Buffer; latency: number; firstByte: number };

type Connection = { ask: (request: Buffer) => Promise<Answer>; close: () => void };

export async function openConnection(port: number): Promise<Connection> {
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  await once(socket, 'connect');
  return {
    ask: (request) => ask(socket, request),
    close: () => {
      socket.destroy();
    },
  };
}

async function ask(socket: Socket, request: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const start = performance.now();
    let firstByte = Number.NaN;
    let progress = newProgress();
    const finish = (settle: () => void) => {
      socket.off('data', read).off('close', fail).off('error', fail);
      settle();
    };
    const read = (part: Buffer) => {
      parts.push(part);
      progress = advance(progress, part);
      if (progress.isRefused) return fail();
      if (progress.hasBody && Number.isNaN(firstByte)) {
        firstByte = (performance.now() - start) * 1000;
      }
      if (!progress.isComplete) return;
      const latency = (performance.now() - start) * 1000;
      finish(() => {
        resolve({ bytes: Buffer.concat(parts), latency, firstByte });
      });
    };
    const fail = () => {
      finish(() => {
        const answer = Buffer.concat(parts).toString().slice(0, 500);
        reject(new Error(`The answer was refused or broke off: ${answer}`));
      });
    };
    socket.on('data', read).on('close', fail).on('error', fail);
    socket.write(request);
  });
}

/** How far an answer has been read. `expected` is the body's length, where it was announced. */
type Progress = {
  head: string;
  bodyBytes: number;
  expected: number | undefined;
  tail: string;
  hasBody: boolean;
  isComplete: boolean;
  /** Any status but 200. */
  isRefused: boolean;
};

const lastChunk = '0\r\n\r\n';

export function newProgress(): Progress {
  const nothing = { head: '', bodyBytes: 0, expected: undefined, tail: '' };
  return { ...nothing, hasBody: false, isComplete: false, isRefused: false };
}

export function advance(progress: Progress, part: Buffer): Progress {
  let body = part;
  let { head, expected } = progress;
  if (!head.endsWith('\r\n\r\n')) {
    const text = head + part.toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    if (end < 0) return { ...progress, head: text };
    const headEnd = end + 4;
    body = part.subarray(headEnd - head.length);
    head = text.slice(0, headEnd);
    if (!head.startsWith('HTTP/1.1 200')) return { ...progress, head, isRefused: true };
    const announced = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    expected = announced === undefined ? undefined : Number(announced);
  }
  const bodyBytes = progress.bodyBytes + body.length;
  const tail = (progress.tail + body.subarray(-5).toString('latin1')).slice(-5);
  const isComplete = expected === undefined ? tail === lastChunk : bodyBytes >= expected;
  return { head, expected, bodyBytes, tail, hasBody: bodyBytes > 0, isComplete, isRefused: false };
}
