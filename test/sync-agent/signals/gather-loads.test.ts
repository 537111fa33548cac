import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../sync-agent/clock.ts';
import type { RoutedService } from '../../../sync-agent/compile/compilation.ts';
import { gatherLoads, type LoadSources } from '../../../sync-agent/signals/gather-loads.ts';
import type { InferenceEndpoint } from '../../../sync-agent/source/source.ts';
import { type HttpCall, type LocalHttpServer, startLocalHttpServer } from '../../support/local-http-server.ts';
import { manualClock, settle } from '../support/manual-clock.ts';
import { PICKER, TRTLLM_SERVE, VLLM } from './expositions.ts';

const servers: LocalHttpServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

const KEY = 'InferenceService/team-a/llama';
const POOL = 'InferencePool/team-a/qwen-pool';

function service(more: Partial<RoutedService> = {}): RoutedService {
  return {
    service: KEY,
    provider: 'team-a/llama..inferenceservice-00000000',
    state: { phase: 'Ready', message: '' },
    replicas: { ready: 1, desired: 1 },
    accelerator: undefined,
    url: undefined,
    ...more,
  };
}

async function serverOf(answer: (call: HttpCall) => Response | Promise<Response>): Promise<URL> {
  const server = await startLocalHttpServer(async (call) => answer(call));
  servers.push(server);
  return new URL(server.origin);
}

async function podOf(answer: (call: HttpCall) => Response | Promise<Response>): Promise<InferenceEndpoint> {
  const { hostname, port } = await serverOf(answer);
  return { address: hostname, port: Number(port), ready: true };
}

function sourcesOf(more: Partial<LoadSources> = {}): LoadSources {
  return {
    settings: { source: 'Pods', intervalMs: 5_000 },
    endpoints: () => [],
    picker: () => undefined,
    pickerToken: async () => undefined,
    podFetch: fetch,
    fetch,
    clock: systemClock,
    ...more,
  };
}

const { signal } = new AbortController();

describe('the load of services, asked of their pods', () => {
  it('is summed over the ready pods', async () => {
    const busy = await podOf(() => new Response(VLLM));
    const idle = await podOf(() => new Response('vllm:num_requests_waiting 0\nvllm:kv_cache_usage_perc 0\n'));
    const broken = { ...(await podOf(() => new Response('vllm:num_requests_waiting 99\n'))), ready: false };
    const loads = await gatherLoads([service()], sourcesOf({ endpoints: () => [busy, idle, broken] }), signal);

    expect(loads.get(KEY)).toEqual({ waiting: 7, cacheUse: 0.25 });
  });

  it('is found where trtllm-serve has it, behind something else under the usual path', async () => {
    const paths: string[] = [];
    const pod = await podOf(({ url }) => {
      paths.push(url.pathname);
      return url.pathname === '/metrics' ? Response.json([{ iter: 1 }]) : new Response(TRTLLM_SERVE);
    });

    expect((await gatherLoads([service()], sourcesOf({ endpoints: () => [pod] }), signal)).get(KEY)).toEqual({
      waiting: 1,
      cacheUse: 0.62,
    });
    expect(paths).toEqual(['/metrics', '/prometheus/metrics']);
  });

  it.each([
    ['answers 404', () => new Response('no', { status: 404 })],
    ['answers 500, with metrics', () => new Response(VLLM, { status: 500 })],
    ['sends elsewhere', () => new Response(null, { status: 302, headers: { location: 'http://127.0.0.1:1/metrics' } })],
    ['says nothing of it', () => new Response('up 1\n')],
    ['says more than anybody reads', () => new Response(`${VLLM}${'# '.repeat(5 * 1024 * 1024)}`)],
  ])('is unknown where a pod %s', async (_, answer) => {
    const pod = await podOf(answer);

    expect(await gatherLoads([service()], sourcesOf({ endpoints: () => [pod] }), signal)).toEqual(new Map());
  });

  it('is unknown where nobody listens, and known of all others', async () => {
    const pod = await podOf(() => new Response(VLLM));
    const other = 'InferenceService/team-a/other';
    const endpoints = (key: string) => (key === KEY ? [{ ...pod, port: 1 }] : [pod]);
    const services = [service(), service({ service: other })];

    expect([...(await gatherLoads(services, sourcesOf({ endpoints }), signal)).keys()]).toEqual([other]);
  });

  it('waits two seconds for a pod that is slow, and for all of them less than an interval', async () => {
    const clock = manualClock();
    const never = Promise.withResolvers<Response>();
    const pod = await podOf(() => new Response(VLLM));
    const slow = await podOf(async () => never.promise);
    const slowKey = 'InferenceService/team-a/slow';
    // More than are asked at a time, so that the last would have to wait for the first.
    const endpoints = (key: string) => (key === KEY ? [pod] : Array.from({ length: 32 }, () => slow));
    const services = Array.from({ length: 8 }, (_, i) => service({ service: `${slowKey}-${i}` }));
    const gathering = gatherLoads([...services, service()], sourcesOf({ endpoints, clock }), signal);
    const over = gathering.then(() => 'over');
    const soFar = async () => Promise.race([over, settle().then(() => 'under way')]);
    const outcomes: string[] = [];
    for (let moved = 0; moved < 4_000; moved += 1_000) {
      outcomes.push(await soFar());
      await clock.advance(1_000);
    }
    await over;
    never.resolve(new Response());

    expect(outcomes).toEqual(['under way', 'under way', 'under way', 'under way']);
    expect([...(await gathering).keys()]).toEqual([KEY]);
  });

  it('is not asked of what sleeps or does not serve, and of nobody where it is switched off', async () => {
    let asked = 0;
    const pod = await podOf(() => {
      asked++;
      return new Response(VLLM);
    });
    const endpoints = () => [pod];
    const asleep = service({ state: { phase: 'ScaledToZero', message: '' } });
    const pending = service({ state: { phase: 'Pending', message: '' } });
    await gatherLoads([asleep, pending], sourcesOf({ endpoints }), signal);
    await gatherLoads([service()], sourcesOf({ endpoints, settings: { source: 'Off', intervalMs: 5_000 } }), signal);

    expect(asked).toBe(0);
  });

  it('is asked once of a service that several models lead to', async () => {
    let asked = 0;
    const pod = await podOf(() => {
      asked++;
      return new Response(VLLM);
    });
    await gatherLoads([service(), service({ provider: 'team-a/x' })], sourcesOf({ endpoints: () => [pod] }), signal);

    expect(asked).toBe(1);
  });

  it('ends with its caller', async () => {
    const ending = new AbortController();
    const asked = Promise.withResolvers<void>();
    const pod = await podOf(async () => {
      asked.resolve();
      return new Promise<Response>(() => undefined);
    });
    const gathering = gatherLoads([service()], sourcesOf({ endpoints: () => [pod] }), ending.signal);
    await asked.promise;
    ending.abort(new Error('the agent stops'));

    await expect(gathering).rejects.toThrow('the agent stops');
  });
});

describe('the load of an InferencePool, asked of its endpoint picker', () => {
  const picker = () => ({ namespace: 'team-a', service: 'qwen-epp', pool: 'qwen-pool' });
  const pool = service({ service: POOL, replicas: { ready: 1, desired: undefined } });

  it('is asked with the token that is meant for that, at the picker’s metrics', async () => {
    const seen: string[] = [];
    const fetchOf: LoadSources['fetch'] = async (url, { headers }) => {
      seen.push(`${url.href} ${headers['authorization']}`);
      return new Response(PICKER);
    };
    const sources = sourcesOf({ picker, fetch: fetchOf, pickerToken: async () => 'metrics-only' });

    expect((await gatherLoads([pool], sources, signal)).get(POOL)).toEqual({ ready: 4, waiting: 10, cacheUse: 0.3 });
    expect(seen).toEqual(['http://qwen-epp.team-a.svc:9090/metrics Bearer metrics-only']);
  });

  it('is unknown where the picker refuses, and where there is no token to be had', async () => {
    const refusing = sourcesOf({ picker, fetch: async () => new Response('', { status: 401 }) });
    const tokenless = sourcesOf({
      picker,
      fetch: async () => new Response('', { status: 401 }),
      pickerToken: async () => {
        throw new Error('no such file');
      },
    });

    expect(await gatherLoads([pool], refusing, signal)).toEqual(new Map());
    expect(await gatherLoads([pool], tokenless, signal)).toEqual(new Map());
  });
});

describe('the load of services, asked of Prometheus', () => {
  const settings = (url: URL) =>
    ({ source: 'Prometheus', prometheusURL: `${url.href}prom/`, intervalMs: 5_000 }) as const;
  const series = (name: string, labels: object, value: string) => ({
    metric: { __name__: name, ...labels },
    value: [1_700_000_000, value],
  });
  const vector = (...result: object[]) => Response.json({ status: 'success', data: { resultType: 'vector', result } });
  const pods: InferenceEndpoint[] = [
    { address: '10.0.0.1', port: 8080, ready: true, pod: 'llama-1' },
    { address: 'fd00::2', port: 8080, ready: true },
  ];

  it('is asked once for all, and joined by pod or by address', async () => {
    const calls: string[] = [];
    const url = await serverOf(({ method, url, body }) => {
      calls.push(`${method} ${url.pathname}`);
      expect(new URLSearchParams(body.toString()).get('query')).toContain('vllm:num_requests_waiting');
      return vector(
        series('vllm:num_requests_waiting', { namespace: 'team-a', pod: 'llama-1', instance: '10.0.0.1:8080' }, '3'),
        // A second monitor scrapes it too.
        series('vllm:num_requests_waiting', { namespace: 'team-a', pod: 'llama-1', job: 'other' }, '3'),
        series('vllm:num_requests_waiting', { namespace: 'team-b', pod: 'llama-1' }, '100'),
        series('vllm:num_requests_waiting', { instance: '[fd00::2]:8080' }, '4'),
        series('vllm:kv_cache_usage_perc', { instance: '[fd00::2]:8080' }, 'NaN'),
        series('inference_pool_average_queue_size', { namespace: 'team-a', name: 'qwen-pool' }, '2'),
        series('inference_pool_ready_pods', { namespace: 'team-a', name: 'qwen-pool' }, '3'),
        { metric: 'not one' },
      );
    });
    const sources = sourcesOf({
      settings: settings(url),
      endpoints: (key) => (key === KEY ? pods : []),
      picker: (key) => (key === POOL ? { namespace: 'team-a', service: 'epp', pool: 'qwen-pool' } : undefined),
    });
    const loads = await gatherLoads([service(), service({ service: POOL })], sources, signal);

    expect(calls).toEqual(['POST /prom/api/v1/query']);
    expect(loads.get(KEY)).toEqual({ waiting: 7 });
    expect(loads.get(POOL)).toEqual({ ready: 3, waiting: 6 });
  });

  it.each([
    ['an error', () => Response.json({ status: 'error', errorType: 'timeout', error: 'x' }, { status: 503 })],
    ['something else', () => new Response('<html>')],
    ['nothing of them', () => vector()],
  ])('is unknown where it answers with %s', async (_, answer) => {
    const url = await serverOf(answer);
    const sources = sourcesOf({ settings: settings(url), endpoints: () => pods });

    expect(await gatherLoads([service()], sources, signal)).toEqual(new Map());
  });
});
