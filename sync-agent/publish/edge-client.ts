import type { z } from 'zod';
import {
  admission,
  blobList,
  clusterHistory,
  hubState,
  PUBLISH_PATHS,
  servedRevisions,
  termGrant,
  type Admission,
  type ClusterHistory,
  type HubState,
  type InboxNotice,
  type ServedRevision,
  type TermClaim,
  type TermGrant,
} from '../../contract/publish-api.ts';
import { signRequest } from '../../contract/publish-request.ts';
import { sightingAnswer, type SightingAnswer, type SightingQuestion } from '../../contract/sighting.ts';
import type { SignalReport } from '../../contract/signals.ts';
import type { KeyWithId } from '../../contract/revision.ts';
import type { Blob } from '../compile/compilation.ts';
import { answerFailure, silenceFailure, strangeAnswer } from './edge-failures.ts';
import {
  exchange,
  NoAnswer,
  parsedJson,
  type HttpAnswer,
  type HttpRequest,
  type HttpSurroundings,
} from './http-exchange.ts';

/** The publish endpoints of one edge for one cluster: one signed call a function. All throw {PublishFailure}. */
export interface EdgeClient {
  /** Origin. */
  readonly endpoint: string;
  claimTerm(claim: TermClaim, signal: AbortSignal): Promise<TermGrant>;
  /** Those of the hashes that the hub does not have. */
  missing(hashes: readonly string[], signal: AbortSignal): Promise<readonly string[]>;
  putBlob(blob: Blob, signal: AbortSignal): Promise<void>;
  getBlob(sha256: string, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>>;
  putPointer(jws: string, signal: AbortSignal): Promise<Admission>;
  /** Has the hub fetch a pointer and its blobs from an inbox. */
  noticeInbox(notice: InboxNotice, signal: AbortSignal): Promise<Admission>;
  state(signal: AbortSignal): Promise<HubState>;
  history(signal: AbortSignal): Promise<ClusterHistory>;
  evict(signal: AbortSignal): Promise<void>;
  /** What an isolate serves of this cluster after it has asked the hub. */
  probe(signal: AbortSignal): Promise<ServedRevision>;
  /** Has the edge itself look which models answer behind a provider. */
  look(question: SightingQuestion, signal: AbortSignal): Promise<SightingAnswer>;
  sendSignals(report: SignalReport, signal: AbortSignal): Promise<void>;
}

export interface EdgeClientOptions extends HttpSurroundings {
  /** Origin. */
  readonly endpoint: string;
  readonly cluster: string;
  readonly signingKey: KeyWithId;
}

interface Call {
  readonly method: HttpRequest['method'];
  readonly path: string;
  readonly body?: Uint8Array<ArrayBuffer>;
  readonly contentType?: string;
}

const utf8 = new TextEncoder();

export function createEdgeClient(options: EdgeClientOptions): EdgeClient {
  const { cluster, endpoint } = options;
  const call = (request: Call, signal: AbortSignal) => send(options, request, signal);
  const ask = async <T extends z.ZodType>(schema: T, request: Call, signal: AbortSignal) =>
    readJson(schema, await call(request, signal));
  return {
    endpoint,
    claimTerm: (claim, signal) =>
      ask(termGrant, { method: 'POST', path: PUBLISH_PATHS.term(cluster), ...jsonBody(claim) }, signal),
    missing: async (hashes, signal) => {
      const request: Call = { method: 'POST', path: PUBLISH_PATHS.missing(cluster), ...jsonBody({ hashes }) };
      return (await ask(blobList, request, signal)).hashes;
    },
    putBlob: async ({ sha256, bytes }, signal) => {
      await call({ method: 'PUT', path: PUBLISH_PATHS.blob(cluster, sha256), body: bytes }, signal);
    },
    getBlob: async (sha256, signal) =>
      (await call({ method: 'GET', path: PUBLISH_PATHS.blob(cluster, sha256) }, signal)).bytes,
    putPointer: (jws, signal) => {
      const request: Call = { method: 'PUT', path: PUBLISH_PATHS.pointer(cluster), body: utf8.encode(jws) };
      return ask(admission, { ...request, contentType: 'application/jose' }, signal);
    },
    noticeInbox: (notice, signal) =>
      ask(admission, { method: 'POST', path: PUBLISH_PATHS.inbox(cluster), ...jsonBody(notice) }, signal),
    state: (signal) => ask(hubState, { method: 'GET', path: PUBLISH_PATHS.state(cluster) }, signal),
    history: (signal) => ask(clusterHistory, { method: 'GET', path: PUBLISH_PATHS.revisions(cluster) }, signal),
    evict: async (signal) => {
      await call({ method: 'DELETE', path: PUBLISH_PATHS.cluster(cluster) }, signal);
    },
    probe: async (signal) => {
      const { clusters } = await ask(servedRevisions, { method: 'GET', path: PUBLISH_PATHS.revision }, signal);
      return clusters.find((entry) => entry.cluster === cluster) ?? servesNothingOf(cluster);
    },
    look: (question, signal) =>
      ask(sightingAnswer, { method: 'POST', path: PUBLISH_PATHS.sighting(cluster), ...jsonBody(question) }, signal),
    sendSignals: async (report, signal) => {
      await call({ method: 'PUT', path: PUBLISH_PATHS.signals(cluster), ...jsonBody(report) }, signal);
    },
  };
}

/** An isolate that does not list the cluster has not heard of it from the hub either. */
function servesNothingOf(cluster: string): ServedRevision {
  return { cluster, revision: null, generation: null, confirmed: false };
}

function jsonBody(value: unknown): Pick<Call, 'body' | 'contentType'> {
  return { body: utf8.encode(JSON.stringify(value)), contentType: 'application/json' };
}

async function send(options: EdgeClientOptions, request: Call, signal: AbortSignal): Promise<HttpAnswer> {
  const { endpoint, signingKey, clock } = options;
  const { method, path, contentType } = request;
  const body = request.body ?? new Uint8Array();
  const authorization = await signRequest({ edge: endpoint, method, path, body }, signingKey, clock.now());
  const headers = { authorization, ...(contentType && { 'content-type': contentType }) };
  let answer: HttpAnswer;
  try {
    answer = await exchange({ method, url: new URL(path, endpoint), headers, body: request.body }, options, signal);
  } catch (error) {
    if (error instanceof NoAnswer) throw silenceFailure(endpoint, error);
    throw error;
  }
  if (answer.status >= 200 && answer.status < 300) return answer;
  throw answerFailure(answer, options);
}

/** @throws {PublishFailure} where a 2xx answer is not what an edge of this version would send */
function readJson<T extends z.ZodType>(schema: T, { bytes }: HttpAnswer): z.infer<T> {
  const parsed = schema.safeParse(parsedJson(bytes));
  if (parsed.success) return parsed.data;
  throw strangeAnswer(bytes);
}
