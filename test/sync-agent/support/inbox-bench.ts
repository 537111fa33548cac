import { redisKey } from '../../../contract/storage-keys.ts';
import type { PublishWay } from '../../../sync-agent/compile/compilation.ts';
import type { Publisher } from '../../../sync-agent/publish/publisher.ts';
import {
  startCloudflareKvServer,
  type CloudflareKvServerOptions,
  type KvStore,
} from '../../support/cloudflare-kv-server.ts';
import { startRedisServer } from '../../support/redis-server.ts';
import { startUpstashBridge } from '../../support/upstash-bridge.ts';
import { fakeEdge, impatientClock, publisherTo } from './edge-bench.ts';
import { EDGE, type FakeEdge, type FakeInbox, type Mishap } from './fake-edge.ts';

/** A store, an edge whose hub reads it, and publishers between them, all on one clock that makes nobody wait. */
export interface InboxBench {
  readonly edge: FakeEdge;
  readonly clock: ReturnType<typeof impatientClock>;
  readonly way: PublishWay;
  readonly store: FakeInbox & {
    /** As somebody else who may write there: in the form of a blob. */
    put(key: string, text: string): Promise<void>;
  };
  /** Requests to the store, in order: `write` of blobs or pointers, `look`. */
  readonly requests: ('write' | 'look')[];
  /** What happens to a request to the store instead of, or after, being answered; by its number from 1. */
  mishap: (number: number) => Mishap;
  /** Called before a request to the store is sent. */
  before: (number: number) => void;
  /** The largest body that the store was sent, in bytes. */
  largest(): number;
  readonly publisher: (way?: PublishWay) => Promise<Publisher>;
  stop(): Promise<void>;
}

type Place = Pick<InboxBench, 'way' | 'store' | 'stop'>;

export async function kvBench(options: Partial<CloudflareKvServerOptions> = {}): Promise<InboxBench> {
  return benchWith(async (clock) => {
    const server = await startCloudflareKvServer({ clock, ...options });
    const { store, apiURL, accountId, namespaceId, apiToken } = server;
    const way: PublishWay = { type: 'CloudflareKV', apiURL, accountId, namespaceId, apiToken };
    return { way, store: storeOf(store), stop: () => server.stop() };
  });
}

export async function redisBench(): Promise<InboxBench> {
  return benchWith(async () => {
    const server = await startRedisServer();
    const bridge = await startUpstashBridge({ socket: server.socket, maxRequestBytes: 1_000_000 });
    const { url, token } = bridge;
    return {
      way: { type: 'UpstashRedis', url, token },
      store: {
        get: async (key) => {
          const value = await bridge.command('GET', redisKey(EDGE, key));
          if (typeof value !== 'string') return undefined;
          return new Uint8Array(Buffer.from(value, key.includes('/blob/') ? 'base64' : 'utf8'));
        },
        put: async (key, text) => {
          await bridge.command('SET', redisKey(EDGE, key), Buffer.from(text).toString('base64'));
        },
        delete: async (key) => {
          await bridge.command('DEL', redisKey(EDGE, key));
        },
      },
      stop: async () => {
        await bridge.stop();
        await server.stop();
      },
    };
  });
}

async function benchWith(openPlace: (clock: InboxBench['clock']) => Promise<Place>): Promise<InboxBench> {
  const clock = impatientClock();
  const edge = fakeEdge(clock);
  const place = await openPlace(clock);
  edge.inbox = place.store;
  let largest = 0;
  const network: typeof fetch = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    if (url.origin === EDGE) return edge.fetch(url, init);
    bench.requests.push(url.pathname.includes('/values/') || isLook(init?.body) ? 'look' : 'write');
    const number = bench.requests.length;
    largest = Math.max(largest, init?.body instanceof Uint8Array ? init.body.byteLength : 0);
    bench.before(number);
    init?.signal?.throwIfAborted();
    const mishap = bench.mishap(number);
    if (mishap === 'refused-connection') throw new TypeError('fetch failed', { cause: new Error('ECONNREFUSED') });
    if (mishap instanceof Response) return mishap.clone();
    const answer = await fetch(url, init);
    if (mishap === 'lost') throw new TypeError('fetch failed', { cause: new Error('ECONNRESET') });
    return answer;
  };
  const bench: InboxBench = {
    ...place,
    edge,
    clock,
    requests: [],
    mishap: () => undefined,
    before: () => undefined,
    largest: () => largest,
    publisher: (way = place.way) => publisherTo(edge, { clock, way, fetch: network }),
  };
  return bench;
}

function storeOf(store: KvStore): InboxBench['store'] {
  return {
    get: (key) => store.get(key),
    put: (key, text) => store.put(key, new TextEncoder().encode(text), {}),
    delete: (key) => store.delete(key),
  };
}

function isLook(body: unknown): boolean {
  return body instanceof Uint8Array && new TextDecoder().decode(body.subarray(0, 20)).includes('exists');
}
