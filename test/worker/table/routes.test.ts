import { reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MAX_BUCKET_BYTES } from '../../../contract/buckets.ts';
import { utf8Bytes } from '../../../contract/encoding.ts';
import {
  admission,
  clusterHistory,
  hubState,
  PUBLISH_PATHS,
  publishError,
  servedRevisions,
  type InboxNotice,
} from '../../../contract/publish-api.ts';
import { signRequest } from '../../../contract/publish-request.ts';
import { importSigningKey, revisionOf } from '../../../contract/revision.ts';
import { inboxBlobKey, inboxRevisionKey } from '../../../contract/storage-keys.ts';
import { healthzRoute } from '../../../worker/routes/healthz.ts';
import { publishRoutes } from '../../../worker/routes/publish.ts';
import { revisionRoute } from '../../../worker/routes/revision.ts';
import { hubClient } from '../../../worker/table/hub-client.ts';
import { makeTable, smallTable } from './make-table.ts';
import { TestIsolate, testSettings, unreachableHub } from './test-isolate.ts';
import { question, settingsOf } from './test-hub.ts';
import { CLUSTER, EDGE, FIRST_KEY, OTHER_CLUSTER, OTHER_KEY, SECOND_KEY, STRANGERS_KEY } from './test-keys.ts';
import { CLUSTER_UID, LAB, signedPointer, TestPublisher } from './test-publisher.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const hub = hubClient(env.TABLE_HUB);
const settings = await settingsOf();
const now = () => NOW;
const log = () => undefined;
const routes = publishRoutes({ settings, hub, now, log });
let isolate: TestIsolate;
beforeEach(async () => {
  isolate = new TestIsolate({ hub, kv: env.TABLE_KV, settings: await testSettings() });
});
afterEach(async () => {
  await isolate.settled();
  await reset();
});

interface Call {
  readonly method?: string;
  readonly path: string;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly key?: typeof FIRST_KEY;
  /** When it was signed. */
  readonly at?: number;
}

async function signed({ method = 'GET', path, body = '', key = FIRST_KEY, at = NOW }: Call): Promise<Request> {
  const bytes = typeof body === 'string' ? utf8Bytes(body) : body;
  const authorization = await signRequest({ edge: EDGE, method, path, body: bytes }, await importSigningKey(key), at);
  return new Request(`http://worker.internal${path}`, {
    method,
    headers: { authorization },
    ...(method !== 'GET' && { body: bytes }),
  });
}

const noticeOf = (inbox: InboxNotice['inbox'], revision: string) =>
  signed({ method: 'POST', path: PUBLISH_PATHS.inbox(CLUSTER), body: JSON.stringify({ inbox, revision }) });

const call = async (method: string, path: string, body?: string | Uint8Array<ArrayBuffer>) =>
  routes.request(await signed({ method, path, ...(body !== undefined && { body }) }));

describe('publishing over HTTP', () => {
  test('goes the whole way, and the revision is served', async () => {
    const table = await makeTable(await smallTable());
    const claim = { clusterUid: CLUSTER_UID, floor: null };

    const grant = await call('POST', PUBLISH_PATHS.term(CLUSTER), JSON.stringify(claim));
    expect(await grant.json()).toEqual({ term: 1 });

    const list = JSON.stringify({ hashes: [...table.blobs.keys()] });
    const missing = await call('POST', PUBLISH_PATHS.missing(CLUSTER), list);
    expect(await missing.text()).toBe(list);

    for (const [sha256, bytes] of table.blobs)
      expect((await call('PUT', PUBLISH_PATHS.blob(CLUSTER, sha256), bytes)).status).toBe(204);
    const [sha256, bytes] = [...table.blobs][0]!;
    const blob = await call('GET', PUBLISH_PATHS.blob(CLUSTER, sha256));
    expect(new Uint8Array(await blob.arrayBuffer())).toEqual(bytes);

    const jws = await signedPointer(table, { generation: { term: 1, sequence: 1 }, replaces: null });
    const admitted = await call('PUT', PUBLISH_PATHS.pointer(CLUSTER), jws);
    const { revision } = admission.parse(await admitted.json());
    const state = await call('GET', PUBLISH_PATHS.state(CLUSTER));
    expect(hubState.parse(await state.json()).current).toMatchObject({ revision, jws });
    expect((await isolate.pickup.table()).revision).toBe(revision);
    const history = clusterHistory.parse(await (await call('GET', PUBLISH_PATHS.revisions(CLUSTER))).json());
    expect(history.revisions).toMatchObject([{ revision, jws }]);
  });

  test.each([
    [
      '409, to read the state and try again',
      { generation: { term: 1, sequence: 1 }, replaces: { term: 1, sequence: 9 } },
      409,
      'replaces',
    ],
    [
      '422, because it will never be accepted',
      { generation: { term: 1, sequence: 1 }, replaces: null, change: { edge: 'https://x.example' } },
      422,
      'edge',
    ],
  ])('that is refused is answered with %s', async (_, signing, status, rule) => {
    const table = await makeTable({});
    await new TestPublisher(hub).claimTerm();
    const body = await signedPointer(table, signing);
    const response = await routes.request(await signed({ method: 'PUT', path: PUBLISH_PATHS.pointer(CLUSTER), body }));
    expect(response.status).toBe(status);
    const { error, refusal } = publishError.parse(await response.json());
    expect(error).toMatchObject({ type: 'publish_refused', code: rule, message: refusal?.message });
    expect(refusal).toMatchObject({ rule, current: null });
  });

  test('by another cluster of the same name is refused before it gets a term', async () => {
    await new TestPublisher(hub).publish({});
    const body = JSON.stringify({ clusterUid: 'uid-2', floor: null });
    const response = await routes.request(await signed({ method: 'POST', path: PUBLISH_PATHS.term(CLUSTER), body }));
    expect(response.status).toBe(422);
    expect(publishError.parse(await response.json()).refusal?.rule).toBe('cluster-uid');
  });
});

describe('beside publishing', () => {
  test('a table in the inbox is admitted when its arrival is told', async () => {
    const table = await makeTable(await smallTable());
    const jws = await new TestPublisher(hub).sign(table);
    const revision = await revisionOf(jws);
    for (const [sha256, bytes] of table.blobs) await env.TABLE_KV.put(inboxBlobKey(CLUSTER, sha256), bytes);
    await env.TABLE_KV.put(inboxRevisionKey(CLUSTER, revision), jws);
    const response = await routes.request(await noticeOf('CloudflareKV', revision));
    expect(admission.parse(await response.json())).toMatchObject({ revision, changed: true });
  });

  test('signals reach the isolates', async () => {
    const signals = [{ provider: 'team/gpu', ready: 0 }];
    const body = JSON.stringify({ ttlMs: 60_000, signals });
    expect((await call('PUT', PUBLISH_PATHS.signals(CLUSTER), body)).status).toBe(204);
    const { clusters } = await hub.poll(question({ [CLUSTER]: null, [OTHER_CLUSTER]: null }));
    expect(clusters[CLUSTER]?.signals).toMatchObject(signals);
    expect(clusters[OTHER_CLUSTER]?.signals).toEqual([]);
  });

  test('a cluster is evicted by a key of its own, and the other stays', async () => {
    await new TestPublisher(hub).publish({});
    const lab = await new TestPublisher(hub, LAB).publish({});
    const evict = await signed({ method: 'DELETE', path: PUBLISH_PATHS.cluster(CLUSTER), key: SECOND_KEY });
    expect((await routes.request(evict)).status).toBe(204);
    const { clusters } = await hub.poll(question({ [CLUSTER]: null, [OTHER_CLUSTER]: null }));
    expect(clusters).toMatchObject({
      [CLUSTER]: { revision: null, evicted: true },
      [OTHER_CLUSTER]: { revision: lab },
    });
  });
});

describe('a publish request is turned away', () => {
  const path = PUBLISH_PATHS.state(CLUSTER);
  const unknown = PUBLISH_PATHS.state('unheard-of');
  const blobPath = PUBLISH_PATHS.blob(CLUSTER, 'ab'.repeat(32));

  test.each<[string, number, string, () => Promise<Request>]>([
    ['without a signature', 401, 'unsigned', async () => new Request(`http://edge${path}`)],
    ['signed by a stranger', 401, 'untrusted', () => signed({ path, key: STRANGERS_KEY })],
    ['signed a minute ago and more', 401, 'untrusted', () => signed({ path, at: NOW - 60_001 })],
    [
      'with a signature of another path',
      401,
      'untrusted',
      async () => new Request(`http://edge${path}`, { headers: (await signed({ path: blobPath })).headers }),
    ],
    [
      'with a virtual key in place of a signature',
      401,
      'untrusted',
      async () => new Request(`http://edge${path}`, { headers: { authorization: 'Bearer sk-one' } }),
    ],
    ['signed by another cluster that this edge trusts', 401, 'untrusted', () => signed({ path, key: OTHER_KEY })],
    [
      'for another cluster than its own',
      401,
      'untrusted',
      () => signed({ method: 'DELETE', path: PUBLISH_PATHS.cluster(OTHER_CLUSTER), key: FIRST_KEY }),
    ],
    ['for a cluster that is not listed', 404, 'unknown_cluster', () => signed({ path: unknown })],
    ['for a blob that the hub does not have', 404, 'unknown_blob', () => signed({ path: blobPath })],
    [
      'with a body that is not JSON',
      400,
      'not_understood',
      () => signed({ method: 'POST', path: PUBLISH_PATHS.term(CLUSTER), body: '{' }),
    ],
    [
      'with a body of another shape',
      400,
      'not_understood',
      () => signed({ method: 'POST', path: PUBLISH_PATHS.missing(CLUSTER), body: '{"hashes":["../x"]}' }),
    ],
    [
      'with signals that live too long',
      400,
      'not_understood',
      () => signed({ method: 'PUT', path: PUBLISH_PATHS.signals(CLUSTER), body: '{"ttlMs":600000,"signals":[]}' }),
    ],
    [
      'with notice of an inbox of which nobody has heard',
      400,
      'not_understood',
      () => signed({ method: 'POST', path: PUBLISH_PATHS.inbox(CLUSTER), body: '{"inbox":"Fax","revision":"abc"}' }),
    ],
    ['with notice of an inbox that this edge has not', 400, 'no_inbox', () => noticeOf('UpstashRedis', 'abc')],
    ['with notice of what has not arrived', 503, 'not_arrived', () => noticeOf('CloudflareKV', 'abc')],
    [
      'with too large a body',
      413,
      'too_large',
      () => signed({ method: 'PUT', path: blobPath, body: new Uint8Array(MAX_BUCKET_BYTES + 1) }),
    ],
    [
      'with a blob that is not what its name says',
      422,
      'blob-hash',
      () => signed({ method: 'PUT', path: blobPath, body: 'something else' }),
    ],
  ])('%s: %i %s', async (_, status, code, request) => {
    const response = await routes.request(await request());
    expect(response.status).toBe(status);
    expect(publishError.parse(await response.json()).error.code).toBe(code);
  });

  test('with too large a body that does not say so beforehand, after no more than the limit', async () => {
    let sent = 0;
    const body = new ReadableStream({
      pull(controller) {
        sent += 65_536;
        controller.enqueue(new Uint8Array(65_536));
      },
    });
    const headers = { authorization: 'Fairlead x' };
    const response = await routes.request(new Request(`http://edge${blobPath}`, { method: 'PUT', headers, body }));
    expect(response.status).toBe(413);
    expect(sent).toBeLessThan(2 * MAX_BUCKET_BYTES);
  });

  test('while the hub is down: 503, to be tried again', async () => {
    const down = publishRoutes({ settings, hub: unreachableHub, now, log });
    const response = await down.request(await signed({ path }));
    expect(response.status).toBe(503);
    expect(publishError.parse(await response.json()).error.code).toBe('hub_unavailable');
  });
});

const health = () => healthzRoute({ pickup: isolate.pickup }).request('/healthz');

describe('/healthz', () => {
  test('is 503 until a table is held', async () => {
    expect((await health()).status).toBe(503);
    const revision = await new TestPublisher(hub).publish(await smallTable());
    const response = await health();
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      status: 'ok',
      clusters: [{ cluster: CLUSTER, revision, confirmed: true }],
    });
  });
});

const revisionApp = () => revisionRoute({ settings, pickup: isolate.pickup, now });

describe('/fairlead/v1/revision', () => {
  const path = PUBLISH_PATHS.revision;

  test('tells anyone what this isolate serves, and asks nobody for that', async () => {
    const response = await revisionApp().request(path);
    expect(servedRevisions.parse(await response.json())).toEqual({
      clusters: [{ cluster: CLUSTER, revision: null, generation: null, confirmed: false }],
    });
    expect(isolate.calls).toEqual([]);
  });

  test('asks the hub first where an agent asks, so that its probe meets what it has just pushed', async () => {
    const publisher = new TestPublisher(hub);
    await publisher.publish(await smallTable());
    await isolate.pickup.table();
    const revision = await publisher.publish({});
    const response = await revisionApp().request(await signed({ path }));
    expect(servedRevisions.parse(await response.json())).toEqual({
      clusters: [{ cluster: CLUSTER, revision, generation: { term: 1, sequence: 2 }, confirmed: true }],
    });
  });

  test('asks the hub for the agent of any cluster that the edge trusts', async () => {
    const revision = await new TestPublisher(hub).publish({});
    const response = await revisionApp().request(await signed({ path, key: OTHER_KEY }));
    expect(await response.json()).toMatchObject({ clusters: [{ cluster: CLUSTER, revision }] });
  });

  test('asks the hub for nobody else', async () => {
    const response = await revisionApp().request(await signed({ path, key: STRANGERS_KEY }));
    expect(response.status).toBe(401);
    expect(isolate.calls).toEqual([]);
  });
});

test('what a newer agent says beyond what this edge understands is overlooked', async () => {
  const body = JSON.stringify({ clusterUid: CLUSTER_UID, floor: null, extra: 1 });
  const response = await routes.request(await signed({ method: 'POST', path: PUBLISH_PATHS.term(CLUSTER), body }));
  expect(await response.json()).toEqual({ term: 1 });
});
