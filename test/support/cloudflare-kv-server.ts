import * as z from 'zod';
import type { Clock } from '../../sync-agent/clock.ts';
import { startLocalHttpServer, type HttpCall } from './local-http-server.ts';

/** Where the values lie; a test may put those of a real KV namespace here. */
export interface KvStore {
  get(key: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** @param expirationTtl seconds */
  put(key: string, value: Uint8Array<ArrayBuffer>, options: { readonly expirationTtl?: number }): Promise<void>;
  delete(key: string): Promise<void>;
  list(prefix: string): Promise<string[]>;
}

/**
 * Cloudflare's REST API of one KV namespace, with its documented limits:
 * https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/
 * https://developers.cloudflare.com/kv/platform/limits/
 * https://developers.cloudflare.com/fundamentals/api/reference/limits/
 */
export interface CloudflareKvServer {
  /** What stands where https://api.cloudflare.com/client/v4 would. */
  readonly apiURL: string;
  readonly accountId: string;
  readonly namespaceId: string;
  readonly apiToken: string;
  readonly store: KvStore;
  /** Every request that came, refused ones too, as `PUT bulk` or `GET values/KEY`, with its status. */
  readonly requests: { readonly what: string; readonly status: number; readonly bytes: number }[];
  stop(): Promise<void>;
}

export interface CloudflareKvServerOptions {
  readonly clock: Pick<Clock, 'now'>;
  readonly store?: KvStore;
  /** What is answered instead, by the number of the request from 1; `lost`: carried out, and answered with 502. */
  readonly mishap?: (number: number, what: string) => Response | 'lost' | undefined;
  /** Keys that a bulk write does not get through, as `unsuccessful_keys` names them. */
  readonly unsuccessful?: (key: string, number: number) => boolean;
}

export const KV_LIMITS = {
  pairs: 10_000,
  bodyBytes: 100 * 1000 * 1000,
  keyBytes: 512,
  valueBytes: 25 * 1024 * 1024,
  leastTtlSeconds: 60,
  keyPauseMs: 1000,
  requests: 1200,
  windowMs: 5 * 60_000,
} as const;

const ACCOUNT_ID = '0123456789abcdef0123456789abcdef';
const NAMESPACE_ID = 'fedcba9876543210fedcba9876543210';
const API_TOKEN = 'cf-token-of-tests-0123456789abcdef01234567';

const pair = z.object({
  key: z.string(),
  value: z.string(),
  base64: z.boolean().optional(),
  expiration: z.number().optional(),
  expiration_ttl: z.number().optional(),
  metadata: z.unknown().optional(),
});
type Pair = z.infer<typeof pair>;

export async function startCloudflareKvServer(options: CloudflareKvServerOptions): Promise<CloudflareKvServer> {
  const { clock, mishap = () => undefined } = options;
  const store = options.store ?? memoryKvStore(clock);
  const namespace = new KvNamespace({ ...options, store });
  const limiter = new ApiLimiter(clock);
  const requests: CloudflareKvServer['requests'] = [];
  const answer = async (call: HttpCall, what: string): Promise<Response> => {
    const ill = mishap(requests.length + 1, what);
    if (ill instanceof Response) return ill.clone();
    const blocked = limiter.count();
    if (blocked !== undefined)
      return failure(429, 971, 'Please wait and consider throttling your request speed', blocked);
    const reply = (await refusal(call)) ?? (await namespace.answer(call, requests.length + 1));
    return ill === 'lost' ? failure(502, 0, 'Bad gateway') : reply;
  };
  const server = await startLocalHttpServer(async (call) => {
    const what = `${call.method} ${decodeURIComponent(call.url.pathname.split('/').slice(9).join('/'))}`;
    const reply = await answer(call, what);
    requests.push({ what, status: reply.status, bytes: call.body.byteLength });
    return reply;
  });
  return {
    apiURL: `${server.origin}/client/v4`,
    accountId: ACCOUNT_ID,
    namespaceId: NAMESPACE_ID,
    apiToken: API_TOKEN,
    store,
    requests,
    stop: () => server.stop(),
  };
}

/** What is wrong with the request before it reaches the namespace. */
async function refusal({ url, headers }: HttpCall): Promise<Response | undefined> {
  const [, client, version, accounts, account, ...rest] = url.pathname.split('/');
  const authorization = headers.get('authorization') ?? '';
  if (!/^Bearer [\w-]{40,}$/.test(authorization)) return failure(400, 6003, 'Invalid request headers');
  if (authorization !== `Bearer ${API_TOKEN}` || account !== ACCOUNT_ID)
    return failure(403, 10000, 'Authentication error');
  const [storage, kv, namespaces, namespace] = rest;
  if ([client, version, accounts, storage, kv, namespaces].join('/') !== 'client/v4/accounts/storage/kv/namespaces')
    return failure(404, 7003, `Could not route to ${url.pathname}, perhaps your object identifier is invalid?`);
  return namespace === NAMESPACE_ID ? undefined : failure(404, 10013, 'get namespace: namespace not found');
}

interface NamespaceOptions extends CloudflareKvServerOptions {
  readonly store: KvStore;
}

class KvNamespace {
  readonly #options: NamespaceOptions;
  readonly #written = new Map<string, number>();

  constructor(options: NamespaceOptions) {
    this.#options = options;
  }

  async answer({ method, url, body }: HttpCall, number: number): Promise<Response> {
    const { store } = this.#options;
    const [what, key = '', ...more] = url.pathname.split('/').slice(9).map(decodeURIComponent);
    const operation = `${method} ${[what, what === 'values' ? '' : key, ...more].filter(Boolean).join('/')}`;
    switch (operation) {
      case 'PUT bulk':
        return this.#putAll(body, number);
      case 'DELETE bulk':
      case 'POST bulk/delete':
        return this.#deleteAll(body);
      case 'GET values': {
        const value = await store.get(key);
        return value ? new Response(value) : failure(404, 10009, "get: 'key not found'");
      }
      case 'DELETE values':
        await store.delete(key);
        return success(null);
      case 'GET keys': {
        const names = await store.list(url.searchParams.get('prefix') ?? '');
        return success(names.map((name) => ({ name })));
      }
      default:
        return failure(405, 10405, 'Method not allowed for this authentication scheme');
    }
  }

  async #putAll(body: Buffer<ArrayBuffer>, number: number): Promise<Response> {
    if (body.byteLength > KV_LIMITS.bodyBytes) return failure(413, 10413, 'request body too large');
    const pairs = z.array(pair).safeParse(parsedJson(body)).data;
    if (!pairs) return failure(400, 10012, 'could not parse the body as a list of key-value pairs');
    const fault = pairsFault(pairs) ?? this.#haste(pairs);
    if (fault) return fault;
    const { store, clock, unsuccessful = () => false } = this.#options;
    const failed: string[] = [];
    for (const { key, value, base64 = false, expiration_ttl: expirationTtl } of pairs) {
      if (unsuccessful(key, number)) {
        failed.push(key);
        continue;
      }
      this.#written.set(key, clock.now());
      await store.put(key, bytesOf(value, base64), { ...(expirationTtl !== undefined && { expirationTtl }) });
    }
    return success({ successful_key_count: pairs.length - failed.length, unsuccessful_keys: failed });
  }

  async #deleteAll(body: Buffer): Promise<Response> {
    const keys = z.array(z.string()).max(KV_LIMITS.pairs).safeParse(parsedJson(body)).data;
    if (!keys) return failure(400, 10012, `expected a list of at most ${KV_LIMITS.pairs} keys`);
    for (const key of keys) await this.#options.store.delete(key);
    return success({ successful_key_count: keys.length, unsuccessful_keys: [] });
  }

  /** One write a second for each key. */
  #haste(pairs: readonly Pair[]): Response | undefined {
    const now = this.#options.clock.now();
    const early = pairs.find(({ key }) => now - (this.#written.get(key) ?? -Infinity) < KV_LIMITS.keyPauseMs);
    return early && failure(429, 10429, `too many writes to the key ${early.key}`, 1);
  }
}

function pairsFault(pairs: readonly Pair[]): Response | undefined {
  if (pairs.length > KV_LIMITS.pairs) return failure(400, 10012, `at most ${KV_LIMITS.pairs} pairs at once`);
  for (const { key, value, base64 = false, expiration_ttl: ttl = Infinity } of pairs) {
    const keyBytes = Buffer.byteLength(key);
    if (key === '' || key === '.' || key === '..') return failure(400, 10029, 'the key is not valid');
    if (keyBytes > KV_LIMITS.keyBytes)
      return failure(
        414,
        10030,
        `UTF-8 encoded length of ${keyBytes} exceeds key length limit of ${KV_LIMITS.keyBytes}.`,
      );
    if (bytesOf(value, base64).byteLength > KV_LIMITS.valueBytes)
      return failure(413, 10031, `the value of ${key} exceeds ${KV_LIMITS.valueBytes} bytes`);
    if (ttl < KV_LIMITS.leastTtlSeconds) return failure(400, 10033, `expiration_ttl must be at least 60`);
  }
  return undefined;
}

/** 1,200 requests in five minutes; who exceeds that gets nothing for the next five. */
class ApiLimiter {
  readonly #clock: Pick<Clock, 'now'>;
  #times: number[] = [];
  #blockedUntil = 0;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** Seconds to wait, where the request is one too many. */
  count(): number | undefined {
    const now = this.#clock.now();
    if (now < this.#blockedUntil) return Math.ceil((this.#blockedUntil - now) / 1000);
    this.#times = [...this.#times.filter((time) => now - time < KV_LIMITS.windowMs), now];
    if (this.#times.length <= KV_LIMITS.requests) return undefined;
    this.#times = [];
    this.#blockedUntil = now + KV_LIMITS.windowMs;
    return KV_LIMITS.windowMs / 1000;
  }
}

/** Values in memory that expire by a clock. */
export function memoryKvStore(clock: Pick<Clock, 'now'>): KvStore {
  const values = new Map<string, { readonly value: Uint8Array<ArrayBuffer>; readonly until: number }>();
  const living = (key: string) => {
    const found = values.get(key);
    return found && found.until > clock.now() ? found.value : undefined;
  };
  return {
    get: async (key) => living(key),
    put: async (key, value, { expirationTtl = Infinity }) => {
      values.set(key, { value, until: clock.now() + expirationTtl * 1000 });
    },
    delete: async (key) => {
      values.delete(key);
    },
    list: async (prefix) => [...values.keys()].filter((key) => key.startsWith(prefix) && living(key)).toSorted(),
  };
}

function bytesOf(value: string, base64: boolean): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(value, base64 ? 'base64' : 'utf8'));
}

function parsedJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

function success(result: unknown): Response {
  return Response.json({ success: true, errors: [], messages: [], result });
}

/** @param retryAfter seconds */
function failure(status: number, code: number, message: string, retryAfter?: number): Response {
  return Response.json(
    { success: false, errors: [{ code, message }], messages: [], result: null },
    { status, headers: retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) } },
  );
}
