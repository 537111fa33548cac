import { describe, expect, test } from 'vitest';
import { readableApi, type Unreadable } from '../../../cli/places/readable-api.ts';
import { ApiFailure, type ApiRequest, type KubernetesApi } from '../../../sync-agent/kubernetes/api.ts';

const MODELS = '/apis/fairlead.dev/v1alpha1/aimodels';
const OWN_MODELS = '/apis/fairlead.dev/v1alpha1/namespaces/red/aimodels';
const NEVER = new AbortController().signal;

/** Answers where it is allowed to, with the path that was asked. */
function apiThatAllows(...paths: readonly string[]) {
  const asked: string[] = [];
  const answer = (path: string): void => {
    asked.push(path);
    if (!paths.includes(path)) throw new ApiFailure(`${path} is forbidden`, { status: 403, reason: 'Forbidden' });
  };
  const api: KubernetesApi = {
    namespace: 'red',
    call: async ({ path }: ApiRequest) => {
      answer(path);
      return { path };
    },
    stream: async ({ path }: ApiRequest) => {
      answer(path);
      return (async function* () {
        yield new TextEncoder().encode(path);
      })();
    },
    close: async () => undefined,
  };
  const unreadable: Unreadable = { elsewhere: new Set(), entirely: new Set() };
  return { api: readableApi(api, 'red', unreadable), unreadable, asked };
}

const list = (path: string): ApiRequest => ({ method: 'GET', path });

async function firstOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  for await (const chunk of chunks) return new TextDecoder().decode(chunk);
  return '';
}

describe('an API server as far as a person may read it', () => {
  test('is as it is where everything may be read', async () => {
    const { api, unreadable } = apiThatAllows(MODELS);
    expect(await api.call(list(MODELS), NEVER)).toEqual({ path: MODELS });
    expect(await firstOf(await api.stream(list(MODELS), NEVER))).toBe(MODELS);
    expect(unreadable).toEqual({ elsewhere: new Set(), entirely: new Set() });
  });

  test('shows one namespace where no more may be read, and notes that', async () => {
    const { api, unreadable } = apiThatAllows(OWN_MODELS);
    expect(await api.call(list(MODELS), NEVER)).toEqual({ path: OWN_MODELS });
    expect(await firstOf(await api.stream(list(MODELS), NEVER))).toBe(OWN_MODELS);
    expect(unreadable).toEqual({ elsewhere: new Set(['aimodels.fairlead.dev']), entirely: new Set() });
  });

  test('shows nothing where nothing may be read, and notes that', async () => {
    const { api, unreadable } = apiThatAllows();
    expect(await api.call(list('/api/v1/namespaces'), NEVER)).toMatchObject({ items: [] });
    const watched = await firstOf(await api.stream(list(MODELS), NEVER));
    expect(JSON.parse(watched)).toMatchObject({
      type: 'BOOKMARK',
      object: { metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } },
    });
    expect(unreadable).toEqual({ elsewhere: new Set(), entirely: new Set(['namespaces', 'aimodels.fairlead.dev']) });
  });

  test('a watch of nothing stays open until it is ended', async () => {
    const ending = new AbortController();
    const chunks = await apiThatAllows().api.stream(list(MODELS), ending.signal);
    const iterator = chunks[Symbol.asyncIterator]();
    expect((await iterator.next()).done).toBe(false);
    const rest = iterator.next();
    ending.abort();
    expect((await rest).done).toBe(true);
  });

  test('says of Secrets and of changes itself that they are forbidden', async () => {
    const { api, unreadable } = apiThatAllows();
    for (const request of [
      list('/api/v1/namespaces/red/secrets'),
      { method: 'PATCH', path: `${OWN_MODELS}/one` } as const,
    ])
      await expect(api.call(request, NEVER)).rejects.toMatchObject({ status: 403 });
    expect(unreadable).toEqual({ elsewhere: new Set(), entirely: new Set() });
  });

  test('is some cluster where the namespace that tells which may not be read', async () => {
    const { api } = apiThatAllows();
    expect(await api.call(list('/api/v1/namespaces/kube-system'), NEVER)).toMatchObject({
      metadata: { uid: 'unknown' },
    });
  });

  test('other failures stay what they are', async () => {
    const failing = { ...apiThatAllows().api, call: () => Promise.reject(new ApiFailure('down', { status: 503 })) };
    const unreadable: Unreadable = { elsewhere: new Set(), entirely: new Set() };
    await expect(readableApi(failing, 'red', unreadable).call(list(MODELS), NEVER)).rejects.toMatchObject({
      status: 503,
    });
  });
});
