import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../sync-agent/clock.ts';
import { ApiFailure, type KubernetesApi } from '../../../sync-agent/kubernetes/api.ts';
import { AccessFailure, type ClusterAccess } from '../../../sync-agent/kubernetes/cluster-access.ts';
import { openKubernetesApi, type OpenOptions } from '../../../sync-agent/kubernetes/open-kubernetes-api.ts';
import { createKubernetesApi, type RequestTold } from '../../../sync-agent/kubernetes/undici-api.ts';
import { startLocalHttpServer, type HttpCall, type LocalHttpServer } from '../../support/local-http-server.ts';
import { manualClock } from '../support/manual-clock.ts';

const { signal } = new AbortController();
const PODS = { method: 'GET', path: '/api/v1/pods' } as const;

describe('an API server', () => {
  let folder: string;
  let server: LocalHttpServer;
  let calls: HttpCall[];
  let answer: (call: HttpCall) => Promise<Response>;
  let told: RequestTold[];
  let apis: KubernetesApi[];

  beforeEach(async () => {
    [calls, told, apis] = [[], [], []];
    answer = async () => Response.json({ kind: 'PodList' });
    folder = await mkdtemp(join(tmpdir(), 'fairlead-kubeconfig-'));
    server = await startLocalHttpServer(async (call) => {
      calls.push(call);
      return answer(call);
    });
  });

  afterEach(async () => {
    await Promise.all(apis.map((api) => api.close()));
    await server.stop();
    await rm(folder, { recursive: true });
  });

  const open = async (options: Partial<OpenOptions>): Promise<KubernetesApi> => {
    const api = await openKubernetesApi({ env: {}, onRequest: (request) => told.push(request), ...options });
    apis.push(api);
    return api;
  };
  const openAs = (access: Partial<ClusterAccess>, clock = systemClock): KubernetesApi => {
    const api = createKubernetesApi({
      access: {
        server: server.origin,
        namespace: 'default',
        proxy: undefined,
        whenRefused: 'sign in again',
        read: async () => ({ authorization: undefined, tls: {} }),
        ...access,
      },
      clock,
      onRequest: (request) => told.push(request),
    });
    apis.push(api);
    return api;
  };
  const kubeconfig = async (name: string, content: object): Promise<string> => {
    const file = join(folder, name);
    await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'Config', ...content }));
    return file;
  };
  const config = (user: object = { token: 'token-a' }) => ({
    'current-context': 'here',
    clusters: [{ name: 'here', cluster: { server: `${server.origin}/`, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'me', user }],
    contexts: [
      { name: 'here', context: { cluster: 'here', user: 'me', namespace: 'team' } },
      { name: 'elsewhere', context: { cluster: 'missing', user: 'me' } },
    ],
  });
  const authorizations = () => calls.map(({ headers }) => headers.get('authorization'));

  describe('that a kubeconfig names', () => {
    test('is asked with the credentials of its user, in the namespace of its context', async () => {
      const api = await open({ kubeconfig: await kubeconfig('config', config()) });
      expect(api.namespace).toBe('team');
      await expect(
        api.call({ ...PODS, query: { limit: 5, watch: true, continue: undefined, fieldSelector: 'a=b c' } }, signal),
      ).resolves.toEqual({ kind: 'PodList' });

      expect(calls[0]?.url.pathname + calls[0]!.url.search).toBe(
        '/api/v1/pods?limit=5&watch=true&fieldSelector=a%3Db+c',
      );
      expect(authorizations()).toEqual(['Bearer token-a']);
      expect(told).toEqual([{ code: '200', method: 'GET', host: new URL(server.origin).host }]);
    });

    test('is asked with what a program gives out, which is run again where that is refused', async () => {
      const program = join(folder, 'sign-in.sh');
      const credential =
        '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"run-\'$n\'"}}';
      await writeFile(
        program,
        `#!/bin/sh\nn=$(cat ${folder}/runs 2>/dev/null || echo 0); n=$((n+1)); echo $n > ${folder}/runs\necho '${credential}'\n`,
      );
      await chmod(program, 0o755);
      const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: program, interactiveMode: 'Never' };
      const api = await open({ kubeconfig: await kubeconfig('config', config({ exec })) });
      await api.call(PODS, signal);
      await api.call(PODS, signal);
      answer = async ({ headers }) =>
        headers.get('authorization') === 'Bearer run-1' ? new Response('', { status: 401 }) : Response.json({});
      await api.call(PODS, signal);

      expect(authorizations()).toEqual(['Bearer run-1', 'Bearer run-1', 'Bearer run-1', 'Bearer run-2']);
    });

    test('may stand in several files, of which the first goes before the others', async () => {
      const users = { users: [{ name: 'me', user: { token: 'token-b' } }] };
      const first = await kubeconfig('first', { clusters: [], contexts: [], ...users });
      const second = await kubeconfig('second', config());
      const api = await open({ env: { KUBECONFIG: `${first}:${join(folder, 'missing')}:${second}` } });
      await api.call(PODS, signal);

      expect(authorizations()).toEqual(['Bearer token-b']);
    });

    test.each([
      {
        what: 'there is no file',
        options: { env: { HOME: '/nowhere' } },
        says: /^there is no kubeconfig \(\/nowhere\/\.kube\/config\): name one by --kubeconfig/,
      },
      {
        what: 'it has no such context',
        options: { context: 'production' },
        says: /has no context production: its contexts are here, elsewhere$/,
      },
      {
        what: 'its context names no cluster',
        options: { context: 'elsewhere' },
        says: /the context elsewhere of .* names no cluster that stands there/,
      },
      {
        what: 'it has no current context',
        options: {},
        change: { 'current-context': '' },
        says: /has no current context: name one by --context; its contexts are/,
      },
    ])('is said not to be found where $what', async ({ options, change, says }) => {
      const file = await kubeconfig('config', { ...config(), ...change });
      const opening = open('env' in options ? options : { kubeconfig: file, ...options });
      opening.catch(() => undefined);

      await expect(opening).rejects.toThrow(AccessFailure);
      await expect(opening).rejects.toThrow(says);
    });
  });

  describe('asked with a token that rotates', () => {
    test('is told the new one within a minute', async () => {
      const clock = manualClock((ms) => ms === 30_000);
      let token = 'old';
      let reads = 0;
      const read = async () => ({ authorization: `Bearer ${token} ${++reads}`, tls: {} });
      const api = openAs({ read }, clock);
      await api.call(PODS, signal);
      token = 'new';
      await clock.advance(59_999);
      await api.call(PODS, signal);
      await clock.advance(1);
      await api.call(PODS, signal);

      expect(authorizations()).toEqual(['Bearer old 1', 'Bearer old 1', 'Bearer new 2']);
    });

    test('is told the new one at once where it refuses the old, which many calls find out together', async () => {
      let reads = 0;
      const read = async (isRefused: boolean) => ({
        authorization: isRefused ? `Bearer new ${++reads}` : 'Bearer old',
        tls: {},
      });
      answer = async ({ headers }) =>
        headers.get('authorization') === 'Bearer old' ? new Response('', { status: 401 }) : Response.json({});
      const api = openAs({ read });
      await Promise.all([1, 2, 3].map(() => api.call(PODS, signal)));

      expect(reads).toBe(1);
      expect(authorizations().filter((value) => value === 'Bearer new 1')).toHaveLength(3);
    });

    test('that refuses what there is, is not asked again and again', async () => {
      answer = async () => new Response('{"kind":"Status","reason":"Unauthorized"}', { status: 401 });
      const asked = openAs({}).call(PODS, signal);

      await expect(asked).rejects.toMatchObject({
        status: 401,
        message: `the API server ${server.origin} does not accept the credentials (401): sign in again`,
      });
      expect(calls).toHaveLength(1);
    });
  });

  test('that refuses tells why, and when to come back', async () => {
    const status = { kind: 'Status', message: 'slow down', reason: 'TooManyRequests', code: 429 };
    answer = async () => Response.json(status, { status: 429, headers: { 'retry-after': '3' } });

    await expect(openAs({}).call(PODS, signal)).rejects.toMatchObject({
      name: 'ApiFailure',
      status: 429,
      reason: 'TooManyRequests',
      retryAfterMs: 3000,
      message: 'GET /api/v1/pods: slow down (429 TooManyRequests)',
    });
  });

  test('that is not there is said not to be', async () => {
    await server.stop();
    const asked = openAs({}).call(PODS, signal);
    asked.catch(() => undefined);
    server = await startLocalHttpServer(async () => new Response());

    await expect(asked).rejects.toMatchObject({ status: 0 });
    await expect(asked).rejects.toThrow(/cannot be reached \(.*ECONNREFUSED.*\), asked for GET \/api\/v1\/pods/);
    expect(told).toMatchObject([{ code: '<error>' }]);
  });

  test('that does not answer in time is given up', async () => {
    answer = () => new Promise(() => undefined);

    await expect(openAs({}).call({ ...PODS, timeoutMs: 20 }, signal)).rejects.toThrow(
      new ApiFailure('GET /api/v1/pods: no answer within 0.02 s', { status: 0 }),
    );
  });

  test('is sent bodies of the type that was meant', async () => {
    const body = { metadata: { name: 'a' } };
    await openAs({}).call(
      {
        method: 'PATCH',
        path: '/api/v1/pods/a',
        contentType: 'application/apply-patch+yaml',
        body,
        query: { force: true },
      },
      signal,
    );

    expect(calls[0]).toMatchObject({ method: 'PATCH', body: Buffer.from(JSON.stringify(body)) });
    expect(calls[0]?.headers.get('content-type')).toBe('application/apply-patch+yaml');
  });

  test('has room for a call, such as that which renews the Lease, beside however many watches', async () => {
    const call = { method: 'GET', path: '/lease' } as const;
    answer = ({ url }) =>
      url.pathname === call.path ? Promise.resolve(Response.json('renewed')) : new Promise(() => undefined);
    const api = openAs({});
    const stopping = new AbortController();
    const watches = Array.from({ length: 1_100 }, () => api.stream(PODS, stopping.signal));
    expect(await api.call({ ...call, timeoutMs: 10_000 }, signal)).toBe('renewed');
    stopping.abort(new Error('enough'));
    await Promise.allSettled(watches);
  });

  test('is read as a stream, until whoever reads it has enough', async () => {
    answer = async () => new Response('one\ntwo\n');
    const chunks = [];
    for await (const chunk of await openAs({}).stream(PODS, signal)) chunks.push(Buffer.from(chunk).toString());
    expect(chunks.join('')).toBe('one\ntwo\n');

    answer = () => new Promise(() => undefined);
    const stopping = new AbortController();
    const stream = openAs({}).stream(PODS, stopping.signal);
    stopping.abort(new Error('enough'));
    await expect(stream).rejects.toThrow('enough');
  });
});
