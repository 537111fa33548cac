import { env as startEnv } from 'cloudflare:workers';
import type { Env } from '../../worker/env.ts';
import worker, { TableHub as RealHub } from '../../worker/index.ts';
import { FAULTS_AT_START, FAULTS_PATH, type Fault, type Faults } from './faults.ts';

/**
 * The worker and its hub as they are, on bindings that fail when a test says so. Each process has its own faults.
 */

let faults: Faults = JSON.parse(String(Reflect.get(startEnv, FAULTS_AT_START) ?? '{}'));

export class TableHub extends RealHub {
  constructor(state: DurableObjectState, env: ConstructorParameters<typeof RealHub>[1]) {
    super(state, { ...env, TABLE_KV: faultyKv(env.TABLE_KV) });
  }
}

Object.defineProperty(globalThis, 'caches', { value: { default: faultyCache(caches.default) } });

let faultyEnv: Env | undefined;

export default {
  async fetch(request, env, context) {
    if (new URL(request.url).pathname === FAULTS_PATH) {
      faults = await request.json<Faults>();
      return new Response(null, { status: 204 });
    }
    faultyEnv ??= { ...env, TABLE_HUB: faultyHub(env.TABLE_HUB), TABLE_KV: faultyKv(env.TABLE_KV) };
    return worker.fetch(request, faultyEnv, context);
  },
} satisfies ExportedHandler<Env>;

function faultyHub(namespace: Env['TABLE_HUB']): Env['TABLE_HUB'] {
  return intercept(namespace, {
    getByName: (name: string) =>
      new Proxy(namespace.getByName(name), {
        get: (stub, method) => async (question: unknown, more: unknown) => {
          await suffer(faults.hub ?? (method === 'poll' ? faults.polls : undefined), 'the hub');
          return callOf(stub, String(method), more === undefined ? [question] : [question, more]);
        },
      }),
  });
}

function faultyKv(kv: KVNamespace): KVNamespace {
  const suffering =
    (call: (...args: unknown[]) => unknown) =>
    async (...args: unknown[]): Promise<unknown> => {
      await suffer(faults.kv, 'KV');
      return call(...args);
    };
  return intercept(kv, {
    get: suffering((key, type) => readKv(kv, key, type)),
    put: suffering((...args) => callOf(kv, 'put', args)),
    delete: suffering((...args) => callOf(kv, 'delete', args)),
    list: suffering((...args) => callOf(kv, 'list', args)),
  });
}

/** One key or many, and either way the type or an object that names it, as KV's own. */
async function readKv(kv: KVNamespace, key: unknown, type: unknown): Promise<unknown> {
  const kind = typeof type === 'object' && type !== null ? Reflect.get(type, 'type') : type;
  const real = await callOf(kv, 'get', [key, type]);
  if (!(real instanceof Map)) return shown(String(key), kind, real);
  return new Map([...real].map(([name, value]) => [name, shown(String(name), kind, value)]));
}

function shown(key: string, type: unknown, real: unknown): unknown {
  if (faults.kv?.type === 'Misses') return null;
  const value = faults.kvShows?.[key];
  if (value === undefined) return real;
  if (value === null) return null;
  switch (type) {
    case 'arrayBuffer':
      return new TextEncoder().encode(value).buffer;
    case 'stream':
      return new Response(value).body;
    case 'json':
      return JSON.parse(value);
    default:
      return value;
  }
}

function faultyCache(cache: Cache): Cache {
  return intercept(cache, {
    async match(request: RequestInfo | URL, options?: CacheQueryOptions) {
      await suffer(faults.cache, 'the Cache API');
      return faults.cache?.type === 'Misses' ? undefined : cache.match(request, options);
    },
    async put(request: RequestInfo | URL, response: Response) {
      await suffer(faults.cache, 'the Cache API');
      return cache.put(request, response);
    },
  });
}

async function suffer(fault: Fault | undefined, what: string): Promise<void> {
  switch (fault?.type) {
    case 'Fails':
      throw new Error(`a test has ${what} fail`);
    case 'Hangs':
      // One request cannot wake another: it looks for itself whether the faults are others by now.
      await othersThan(faults);
      throw new Error(`a test had ${what} hang`);
    case 'Delays':
      return scheduler.wait(fault.ms);
    case 'Misses':
    case undefined:
      return;
  }
}

async function othersThan(old: Faults): Promise<void> {
  const isSame = (): boolean => faults === old;
  while (isSame()) await scheduler.wait(50);
}

async function callOf(real: object, method: string, args: readonly unknown[]): Promise<unknown> {
  return Reflect.apply(Reflect.get(real, method), real, args);
}

/** Some methods are others; what is left is called on the real object, which knows only itself as `this`. */
function intercept<T extends object>(real: T, methods: Readonly<Record<string, unknown>>): T {
  return new Proxy(real, {
    get(target, name) {
      if (typeof name === 'string' && Object.hasOwn(methods, name)) return methods[name];
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
