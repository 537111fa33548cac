import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { sha256Hex, utf8Bytes } from '../../../contract/encoding.ts';
import { createApp } from '../../../worker/app.ts';
import { systemClock, type Clock } from '../../../worker/clock.ts';
import type { TableSource } from '../../../worker/middleware/hold-table.ts';
import { Authenticator } from '../../../worker/pipeline/authenticate.ts';
import type { RequestRecord } from '../../../worker/pipeline/request-record.ts';
import { healthzRoute } from '../../../worker/routes/healthz.ts';
import { publishRoutes } from '../../../worker/routes/publish.ts';
import { revisionRoute } from '../../../worker/routes/revision.ts';
import { sightingRoute } from '../../../worker/routes/sighting.ts';
import { Credentials, type CredentialSources } from '../../../worker/upstream/credentials.ts';
import { Health } from '../../../worker/upstream/health.ts';
import { lookAtProvider } from '../../../worker/upstream/look-at-provider.ts';
import type { Reaching } from '../../../worker/upstream/reach-provider.ts';
import { Readiness } from '../../../worker/upstream/readiness.ts';
import { unreachableHub } from '../table/test-isolate.ts';
import { CLUSTER, EDGE, TWO_CLUSTER_VARIABLES } from '../table/test-keys.ts';
import { readTableSettings } from '../../../worker/table/table-settings.ts';
import type { ServedTable } from '../../../worker/table/served-table.ts';
import type { FakeUpstream } from './fake-upstream.ts';
import { backendEntry, consumerEntry, modelEntry, providerEntry, routeEntry } from './table-of-entries.ts';
import { tableOfEntries, type Entries } from './table-of-entries.ts';

/** The key of `default/ada`. */
export const KEY = 'sk-ada-0123456789abcdef';
export const KEY_DIGEST = await sha256Hex(KEY);
/** What the first provider is called with. */
export const UPSTREAM_KEY = 'sk-upstream-0123456789abcdef';

export const QUESTION = 'why do canaries sing';
export const CHAT = { model: 'demo', messages: [{ role: 'user', content: QUESTION }] };

/** One route to one model, `demo`, at first.example, and one consumer. */
export function oneBackend(change: Partial<Entries> = {}): Entries {
  return {
    routes: { 'default/main': routeEntry() },
    models: { 'default/demo': modelEntry() },
    providers: {
      'default/first': providerEntry({ auth: { credential: { type: 'WorkerSecret', name: 'FIRST_KEY' } } }),
    },
    consumers: { [KEY_DIGEST]: consumerEntry() },
    ...change,
  };
}

/** The same with another backend, at second.example, which is asked where the first one fails. */
export function twoBackends(change: Partial<Entries> = {}): Entries {
  const { providers, ...rest } = oneBackend();
  const second = backendEntry({ name: 'second', provider: 'default/second', model: 'second-demo', priority: 1 });
  return {
    ...rest,
    models: { 'default/demo': modelEntry({ backends: [backendEntry(), second] }) },
    providers: { ...providers, 'default/second': providerEntry({ baseURL: 'https://second.example/v1' }) },
    ...change,
  };
}

export interface TestEdgeOptions {
  readonly upstream: FakeUpstream;
  readonly entries?: Entries;
  readonly clock?: Clock;
  /** In place of the entries. */
  readonly tables?: TableSource;
  readonly credentials?: Partial<CredentialSources>;
  /** Names of bindings that can be called; they lead to the same fake Internet. */
  readonly bindings?: readonly string[];
}

const settings = await readTableSettings(TWO_CLUSTER_VARIABLES);

/** The whole app, with a table in memory, a fake Internet and its log kept. */
export class TestEdge {
  readonly records: RequestRecord[] = [];
  readonly readiness: Readiness;
  readonly #app: ReturnType<typeof createApp>;
  #table: ServedTable;
  readonly #contexts: ExecutionContext[] = [];

  constructor({
    upstream,
    entries = oneBackend(),
    clock = systemClock,
    tables,
    credentials,
    bindings = [],
  }: TestEdgeOptions) {
    this.#table = tableOfEntries(entries);
    const { now } = clock;
    this.readiness = new Readiness(now);
    const log = () => undefined;
    const served = () => ({
      clusters: [{ cluster: CLUSTER, revision: this.#table.revision, generation: null, confirmed: true }],
    });
    const pickup = { table: () => this.#table, served, refresh: () => Promise.resolve() };
    let ids = 0;
    const reaching: Reaching = {
      fetch: upstream.fetch,
      binding: (name) => (bindings.includes(name) ? { fetch: upstream.fetch } : undefined),
      credentials: new Credentials({
        edge: EDGE,
        findKey: () => undefined,
        workerSecret: (name) => (name === 'FIRST_KEY' ? UPSTREAM_KEY : undefined),
        ...credentials,
      }),
    };
    const looking = { ...reaching, clock, edge: EDGE };
    this.#app = createApp({
      clock,
      newId: () => `made-${++ids}`,
      record: (record) => this.records.push(record),
      tables: tables ?? { table: () => this.#table },
      publish: publishRoutes({ settings, hub: unreachableHub, now, log }),
      sighting: sightingRoute({ settings, now, log, look: (...asked) => lookAtProvider(looking, ...asked) }),
      revision: revisionRoute({ settings, pickup, now }),
      healthz: healthzRoute({ pickup }),
      services: {
        ...reaching,
        withoutUsageOption: new Set(),
        health: new Health(now),
        readiness: this.readiness,
        authenticator: new Authenticator(now),
      },
    });
  }

  /** The next revision, as if it had been picked up. */
  serve(entries: Entries, revision: string): void {
    this.#table = tableOfEntries(entries, revision);
  }

  async request(path: string, init?: RequestInit): Promise<Response> {
    const context = createExecutionContext();
    this.#contexts.push(context);
    return this.#app.fetch(new Request(new URL(path, EDGE), init), env, context);
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.request(path, { headers: { authorization: `Bearer ${KEY}`, ...headers } });
  }

  /** @param body as it is where it is text, bytes or a stream, else as JSON */
  post(path: string, body: unknown, headers: Record<string, string> = {}, init: RequestInit = {}): Promise<Response> {
    const sent = isBody(body) ? body : JSON.stringify(body);
    const always = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
    return this.request(path, {
      method: 'POST',
      headers: { ...always, ...lengthOf(sent), ...headers },
      body: sent,
      ...init,
    });
  }

  chat(change: object = {}, headers: Record<string, string> = {}, init: RequestInit = {}): Promise<Response> {
    return this.post('/v1/chat/completions', { ...CHAT, ...change }, headers, init);
  }

  /** What was promised to go on behind the responses has ended. */
  async settled(): Promise<void> {
    for (const context of this.#contexts.splice(0)) await waitOnExecutionContext(context);
  }

  /** The only line of the log, when everything has ended. */
  async record(): Promise<RequestRecord> {
    await this.settled();
    const [record, ...more] = this.records;
    if (!record || more.length > 0) throw new Error(`expected one line of the log, not ${this.records.length}`);
    return record;
  }
}

function isBody(body: unknown): body is string | Uint8Array<ArrayBuffer> | ReadableStream {
  return typeof body === 'string' || body instanceof Uint8Array || body instanceof ReadableStream;
}

/** As every client says it whose body does not come in pieces. */
function lengthOf(body: string | Uint8Array<ArrayBuffer> | ReadableStream): Record<string, string> {
  if (body instanceof ReadableStream) return {};
  return { 'content-length': String(typeof body === 'string' ? utf8Bytes(body).byteLength : body.byteLength) };
}

/** What an error response says, and its status. */
export async function errorOf(response: Response) {
  const { error }: { error: { message: string; type: string; param: string | null; code: string } } =
    await response.json();
  return { status: response.status, ...error };
}
