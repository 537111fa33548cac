import { sha256Hex } from '../../../contract/encoding.ts';
import {
  blobList,
  inboxNotice,
  PUBLISH_PATHS,
  termClaim,
  type ClusterHistory,
  type HubState,
  type Refusal,
  type ServedRevisions,
} from '../../../contract/publish-api.ts';
import { verifyRequest } from '../../../contract/publish-request.ts';
import {
  compareGenerations,
  revisionOf,
  sameGeneration,
  verifyPointer,
  type KeyWithId,
} from '../../../contract/revision.ts';
import { sightingQuestion, type SightingAnswer, type SightingQuestion } from '../../../contract/sighting.ts';
import { signalReport, type SignalReport } from '../../../contract/signals.ts';
import { SECTION_KINDS, type Generation, type Pointer } from '../../../contract/routing-table.ts';
import { KNOWN_SCHEMA_VERSIONS } from '../../../contract/schema-version.ts';
import { inboxBlobKey, inboxLatestKey, inboxRevisionKey } from '../../../contract/storage-keys.ts';
import { abortReason } from '../../../sync-agent/clock.ts';

export const EDGE = 'https://edge.test';
export const CLUSTER = 'berlin';

/** What a call is, as far as tests care. */
export type Step =
  | 'term'
  | 'missing'
  | 'put-blob'
  | 'get-blob'
  | 'pointer'
  | 'notice'
  | 'state'
  | 'history'
  | 'evict'
  | 'probe'
  | 'look'
  | 'signals';

export interface Exchange {
  readonly step: Step;
  /** Of this step, from 1. */
  readonly number: number;
  readonly signal: AbortSignal;
}

/**
 * What happens to a call instead of, or after, being answered. `lost`: it is carried out and its answer lost;
 * `hangs`: it is never answered.
 */
export type Mishap = 'refused-connection' | 'lost' | 'hangs' | Response | undefined;

/** A store as the hub sees it; of a blob it gives the bytes, whatever form the publisher gave them. */
export interface FakeInbox {
  get(key: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  delete(key: string): Promise<void>;
}

type Current = NonNullable<HubState['current']>;

/** An edge in memory that speaks the contract and believes nobody. */
export class FakeEdge {
  readonly verifyingKeys: KeyWithId[];
  readonly now: () => number;
  blobs = new Map<string, Uint8Array<ArrayBuffer>>();
  current: Current | null = null;
  kept: ClusterHistory['revisions'] = [];
  term = 0;
  clusterUid: string | undefined;
  /** The highest generation that isolates, or the memory of an eviction, know of. */
  known: Generation | null = null;
  reads: HubState['reads'] = { schemaVersions: [...KNOWN_SCHEMA_VERSIONS], features: [] };
  conflicts: HubState['conflicts'] = [];
  inbox: FakeInbox | undefined;
  /** What isolates serve; by default they pick up at once. */
  serving: HubState['serving'] | undefined;
  refused: HubState['refused'] = [];
  served: string | null | undefined;
  /** What the edge sees of a provider. */
  sees: (question: SightingQuestion) => SightingAnswer = () => ({ type: 'NotSeen', sentence: 'nothing is there' });
  /** What it was asked to look at, in order. */
  readonly questions: SightingQuestion[] = [];
  readonly reports: SignalReport[] = [];
  /** Every call in order, as `step` or `step HASH`. */
  readonly log: Step[] = [];
  readonly admitted: string[] = [];
  mishap: (exchange: Exchange) => Mishap = () => undefined;
  before: (exchange: Exchange) => void | Promise<void> = () => undefined;

  constructor(verifyingKeys: KeyWithId[], now: () => number) {
    this.verifyingKeys = verifyingKeys;
    this.now = now;
  }

  wipe(): void {
    this.blobs = new Map();
    this.current = null;
    this.kept = [];
    this.term = 0;
  }

  /** What an operator or an agent does: nothing is served any more, and the term has ended. */
  evict(): void {
    this.known = this.#floor();
    this.current = null;
    this.kept = [];
    this.clusterUid = undefined;
    this.term += 1;
  }

  /** What the hub does of itself, now and then. */
  async lookIntoInbox(): Promise<void> {
    const latest = await this.inbox?.get(inboxLatestKey(CLUSTER));
    if (latest) await this.#admitFromInbox(new TextDecoder().decode(latest));
  }

  calls(step: Step): number {
    return this.log.filter((logged) => logged === step).length;
  }

  fetch: typeof fetch = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const method = init?.method ?? 'GET';
    const signal = init?.signal ?? new AbortController().signal;
    const body = init?.body instanceof Uint8Array ? new Uint8Array(init.body) : new Uint8Array();
    const step = stepOf(method, url.pathname);
    this.log.push(step);
    const exchange = { step, number: this.calls(step), signal };
    await this.before(exchange);
    signal.throwIfAborted();
    const mishap = this.mishap(exchange);
    if (mishap === 'refused-connection') throw connectionRefused();
    if (mishap === 'hangs') return never(signal);
    if (mishap instanceof Response) return mishap.clone();
    const answer = await this.#answer(step, method, url.pathname, body, new Headers(init?.headers));
    signal.throwIfAborted();
    if (mishap === 'lost') throw connectionRefused();
    return answer;
  };

  async #answer(step: Step, method: string, path: string, body: Uint8Array<ArrayBuffer>, headers: Headers) {
    const request = { edge: EDGE, method, path, body };
    try {
      await verifyRequest(headers.get('authorization'), request, (kid) => this.#key(kid), this.now());
    } catch (error) {
      return failure(401, String(error instanceof Error ? error.message : error));
    }
    const text = new TextDecoder().decode(body);
    switch (step) {
      case 'term':
        return this.#claim(text);
      case 'missing': {
        const { hashes } = blobList.parse(JSON.parse(text));
        return Response.json({ hashes: hashes.filter((hash) => !this.blobs.has(hash)) });
      }
      case 'put-blob': {
        const hash = path.slice(-64);
        if ((await sha256Hex(body)) !== hash) return this.#refuse('blob-hash');
        this.blobs.set(hash, body);
        return new Response(null, { status: 204 });
      }
      case 'get-blob': {
        const blob = this.blobs.get(path.slice(-64));
        return blob ? new Response(blob) : failure(404, 'no such blob');
      }
      case 'pointer':
        return this.#admit(text);
      case 'notice':
        return this.#heed(text);
      case 'state':
        return Response.json(this.#state());
      case 'history':
        return Response.json({ revisions: this.kept } satisfies ClusterHistory);
      case 'evict':
        this.evict();
        return new Response(null, { status: 204 });
      case 'probe':
        return Response.json(this.#served());
      case 'look': {
        const question = sightingQuestion.parse(JSON.parse(text));
        this.questions.push(question);
        return Response.json(this.sees(question));
      }
      case 'signals':
        this.reports.push(signalReport.parse(JSON.parse(text)));
        return new Response(null, { status: 204 });
    }
  }

  #claim(text: string): Response {
    const claim = termClaim.parse(JSON.parse(text));
    this.clusterUid ??= claim.clusterUid;
    if (this.clusterUid !== claim.clusterUid) return this.#refuse('cluster-uid');
    this.term = Math.max(this.term, this.#floor()?.term ?? 0, claim.floor?.term ?? 0) + 1;
    return Response.json({ term: this.term });
  }

  #state(): HubState {
    return {
      current: this.current,
      term: this.term,
      floor: this.#floor(),
      reads: this.reads,
      serving: this.serving ?? (this.current ? [{ revision: this.current.revision, count: 1, ageMs: 5 }] : []),
      refused: this.refused,
      conflicts: this.conflicts,
    };
  }

  #served(): ServedRevisions {
    const revision = this.served === undefined ? (this.current?.revision ?? null) : this.served;
    const generation = this.current?.pointer.generation ?? null;
    return { clusters: [{ cluster: CLUSTER, revision, generation, confirmed: true }] };
  }

  #floor(): Generation | null {
    const current = this.current?.pointer.generation ?? null;
    if (!current || !this.known) return current ?? this.known;
    return compareGenerations(current, this.known) >= 0 ? current : this.known;
  }

  async #heed(text: string): Promise<Response> {
    const { revision } = inboxNotice.parse(JSON.parse(text));
    if (this.current?.revision === revision)
      return Response.json({ revision, generation: this.current.pointer.generation, changed: false });
    const jws = await this.inbox?.get(inboxRevisionKey(CLUSTER, revision));
    return jws ? this.#admitFromInbox(new TextDecoder().decode(jws)) : failure(503, 'no such revision', 'not_arrived');
  }

  async #admitFromInbox(jws: string): Promise<Response> {
    const { inbox } = this;
    if (!inbox) return failure(422, 'no such inbox');
    const named = blobsNamedBy(await verifyPointer(jws, (kid) => this.#key(kid)));
    for (const hash of named) {
      if (this.blobs.has(hash)) continue;
      const blob = await inbox.get(inboxBlobKey(CLUSTER, hash));
      if (!blob) return failure(503, 'no such blob', 'not_arrived');
      if ((await sha256Hex(blob)) !== hash) return this.#refuse('blob-hash');
      this.blobs.set(hash, blob);
    }
    const answer = await this.#admit(jws);
    if (!answer.ok) return answer;
    await inbox.delete(inboxRevisionKey(CLUSTER, await revisionOf(jws)));
    for (const hash of named) await inbox.delete(inboxBlobKey(CLUSTER, hash));
    return answer;
  }

  async #admit(jws: string): Promise<Response> {
    const pointer = await verifyPointer(jws, (kid) => this.#key(kid));
    const { generation } = pointer;
    if (this.current?.jws === jws)
      return Response.json({ revision: this.current.revision, generation, changed: false });
    if (pointer.edge !== EDGE) return this.#refuse('edge');
    const held = this.current?.pointer.generation ?? null;
    if (generation.term !== this.term || (held && compareGenerations(generation, held) <= 0))
      return this.#refuse('generation');
    if (!sameGeneration(pointer.replaces, held)) return this.#refuse('replaces');
    if (!blobsNamedBy(pointer).every((hash) => this.blobs.has(hash))) return this.#refuse('missing-blob');
    this.current = { revision: await revisionOf(jws), jws, pointer };
    this.kept = [{ ...this.current, admittedAt: new Date(this.now()).toISOString() }, ...this.kept].slice(0, 11);
    this.admitted.push(this.current.revision);
    return Response.json({ revision: this.current.revision, generation, changed: true });
  }

  #refuse(rule: Refusal['rule']): Response {
    const refusal: Refusal = { rule, message: `by rule ${rule}`, current: this.current?.pointer.generation ?? null };
    const status = rule === 'generation' || rule === 'replaces' || rule === 'missing-blob' ? 409 : 422;
    return Response.json({ error: { message: refusal.message, type: 'publish', code: rule }, refusal }, { status });
  }

  #key(kid: string): KeyWithId | undefined {
    return this.verifyingKeys.find((key) => key.kid === kid);
  }
}

function blobsNamedBy(pointer: Pointer): string[] {
  return SECTION_KINDS.flatMap((kind) => pointer.sections[kind]);
}

function stepOf(method: string, path: string): Step {
  if (path === PUBLISH_PATHS.revision) return 'probe';
  if (path === PUBLISH_PATHS.term(CLUSTER)) return 'term';
  if (path === PUBLISH_PATHS.missing(CLUSTER)) return 'missing';
  if (path === PUBLISH_PATHS.pointer(CLUSTER)) return 'pointer';
  if (path === PUBLISH_PATHS.inbox(CLUSTER)) return 'notice';
  if (path === PUBLISH_PATHS.state(CLUSTER)) return 'state';
  if (path === PUBLISH_PATHS.revisions(CLUSTER)) return 'history';
  if (path === PUBLISH_PATHS.sighting(CLUSTER)) return 'look';
  if (path === PUBLISH_PATHS.signals(CLUSTER)) return 'signals';
  if (path === PUBLISH_PATHS.cluster(CLUSTER) && method === 'DELETE') return 'evict';
  if (path.startsWith(PUBLISH_PATHS.blob(CLUSTER, ''))) return method === 'PUT' ? 'put-blob' : 'get-blob';
  throw new Error(`the contract knows no ${method} ${path}`);
}

function failure(status: number, message: string, code = String(status)): Response {
  return Response.json({ error: { message, type: 'publish', code } }, { status });
}

function connectionRefused(): Error {
  return new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED 192.0.2.1:443') });
}

function never(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(abortReason(signal)));
  });
}
