import type { z } from 'zod';
import {
  admission,
  blobList,
  hubState,
  PUBLISH_PATHS,
  publishError,
  servedRevision,
  termGrant,
  type Admission,
  type HubState,
  type ServedRevision,
  type TermClaim,
  type TermGrant,
} from '../../contract/publish-api.ts';
import { signRequest } from '../../contract/publish-request.ts';
import type { KeyWithId } from '../../contract/revision.ts';
import type { Clock } from '../clock.ts';
import type { Blob } from '../compile/compilation.ts';
import { DeadlineExceeded, withDeadline } from './deadline.ts';
import { PublishFailure } from './publish-failure.ts';

/** The publish endpoints of one edge for one cluster: one signed call a function. All throw {PublishFailure}. */
export interface EdgeClient {
  claimTerm(claim: TermClaim, signal: AbortSignal): Promise<TermGrant>;
  /** Those of the hashes that the hub does not have. */
  missing(hashes: readonly string[], signal: AbortSignal): Promise<readonly string[]>;
  putBlob(blob: Blob, signal: AbortSignal): Promise<void>;
  getBlob(sha256: string, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>>;
  putPointer(jws: string, signal: AbortSignal): Promise<Admission>;
  state(signal: AbortSignal): Promise<HubState>;
  /** What an isolate serves after it has asked the hub. */
  probe(signal: AbortSignal): Promise<ServedRevision>;
}

export interface EdgeClientOptions {
  /** Origin. */
  readonly endpoint: string;
  readonly cluster: string;
  readonly signingKey: KeyWithId;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly timeoutMs: number;
}

interface Call {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly body?: Uint8Array<ArrayBuffer>;
  readonly contentType?: string;
}

const utf8 = new TextEncoder();

export function createEdgeClient(options: EdgeClientOptions): EdgeClient {
  const { cluster } = options;
  const call = (request: Call, signal: AbortSignal) => send(options, request, signal);
  return {
    claimTerm: async (claim, signal) =>
      readJson(
        termGrant,
        await call({ method: 'POST', path: PUBLISH_PATHS.term(cluster), ...jsonBody(claim) }, signal),
      ),
    missing: async (hashes, signal) => {
      const request: Call = { method: 'POST', path: PUBLISH_PATHS.missing(cluster), ...jsonBody({ hashes }) };
      return readJson(blobList, await call(request, signal)).hashes;
    },
    putBlob: async ({ sha256, bytes }, signal) => {
      await call({ method: 'PUT', path: PUBLISH_PATHS.blob(cluster, sha256), body: bytes }, signal);
    },
    getBlob: async (sha256, signal) => call({ method: 'GET', path: PUBLISH_PATHS.blob(cluster, sha256) }, signal),
    putPointer: async (jws, signal) => {
      const request: Call = { method: 'PUT', path: PUBLISH_PATHS.pointer(cluster), body: utf8.encode(jws) };
      return readJson(admission, await call({ ...request, contentType: 'application/jose' }, signal));
    },
    state: async (signal) =>
      readJson(hubState, await call({ method: 'GET', path: PUBLISH_PATHS.state(cluster) }, signal)),
    probe: async (signal) =>
      readJson(servedRevision, await call({ method: 'GET', path: PUBLISH_PATHS.revision }, signal)),
  };
}

function jsonBody(value: unknown): Pick<Call, 'body' | 'contentType'> {
  return { body: utf8.encode(JSON.stringify(value)), contentType: 'application/json' };
}

async function send(options: EdgeClientOptions, request: Call, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  const { endpoint, signingKey, clock } = options;
  const body = request.body ?? new Uint8Array();
  const { method, path } = request;
  const authorization = await signRequest({ edge: endpoint, method, path, body }, signingKey, clock.now());
  const exchange = async (signal: AbortSignal) => {
    const response = await options.fetch(new URL(path, endpoint), {
      method,
      headers: { authorization, ...(request.contentType && { 'content-type': request.contentType }) },
      ...(request.body && { body: request.body }),
      redirect: 'manual',
      signal,
    });
    return { status: response.status, bytes: new Uint8Array(await response.arrayBuffer()) };
  };
  let answer: Awaited<ReturnType<typeof exchange>>;
  try {
    answer = await withDeadline(exchange, options.timeoutMs, clock, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw connectionError(error, endpoint, options.timeoutMs);
  }
  if (answer.status >= 200 && answer.status < 300) return answer.bytes;
  throw answerError(answer.status, answer.bytes, options);
}

function connectionError(error: unknown, endpoint: string, timeoutMs: number): PublishFailure {
  if (error instanceof DeadlineExceeded)
    return new PublishFailure('timeout', `the edge ${endpoint} did not answer within ${timeoutMs / 1000} s`, {
      cause: error,
    });
  const reason = rootMessage(error);
  return new PublishFailure('unreachable', `the edge ${endpoint} cannot be reached (${reason}): check the endpoint`, {
    cause: error,
  });
}

/** undici hides what went wrong ("fetch failed") in the cause. */
function rootMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof Error) return rootMessage(error.cause);
  return error.message || ('code' in error ? String(error.code) : error.name);
}

function answerError(status: number, bytes: Uint8Array, { endpoint, cluster }: EdgeClientOptions): PublishFailure {
  const text = new TextDecoder().decode(bytes.subarray(0, 64 * 1024));
  const answer = publishError.safeParse(parseJson(text)).data;
  const why = answer?.error.message ?? excerpt(text);
  if (status >= 500 || status === 429)
    return new PublishFailure('edge-failing', `the edge ${endpoint} answers ${status}: ${why}`);
  if (status === 401 || status === 403)
    return new PublishFailure(
      'unauthorized',
      `the edge ${endpoint} does not take this agent's signature: ${why}. ` +
        `Its FAIRLEAD_CLUSTERS must list the cluster ${cluster} with the public half of the signing key`,
    );
  if (answer?.refusal) {
    const { rule, message } = answer.refusal;
    return new PublishFailure('refused', `the edge refuses the table (${rule}): ${message}`, { rule });
  }
  if (answer) return new PublishFailure('not-accepted', `the edge ${endpoint} answers ${status}: ${why}`);
  return new PublishFailure(
    'not-an-edge',
    `${endpoint} answers ${status} where a Fairlead edge would publish: check EdgeGateway.spec.endpoint, and that ` +
      `the worker there is of this release (${why})`,
  );
}

/** @throws {PublishFailure} where a 2xx answer is not what an edge of this version would send */
function readJson<T extends z.ZodType>(schema: T, bytes: Uint8Array): z.infer<T> {
  const text = new TextDecoder().decode(bytes);
  const parsed = schema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new PublishFailure(
    'not-an-edge',
    `the endpoint answered with something else than a Fairlead edge of this release would: ${excerpt(text)}`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function excerpt(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line === '' ? 'no text' : line.length > 160 ? `${line.slice(0, 160)}…` : line;
}
