import { reset } from 'cloudflare:test';
import { afterEach, expect, test } from 'vitest';
import { MAX_BUCKET_BYTES, MAX_POINTER_LENGTH } from '../../../contract/buckets.ts';
import { canonicalJson } from '../../../contract/canonical-json.ts';
import { sha256Hex, utf8Bytes } from '../../../contract/encoding.ts';
import type { RouteEntry } from '../../../contract/routing-table.ts';
import type { HubStorage } from '../../../worker/table/hub-database.ts';
import { aRoute, makeTable, type MadeTable } from './make-table.ts';
import { question, withHub } from './test-hub.ts';
import { CLUSTER } from './test-keys.ts';
import { TestPublisher } from './test-publisher.ts';

afterEach(() => reset());

/** What a Durable Object refuses in production, and workerd on a developer's machine does not. */
const MOST_BYTES = 2_000_000;

/** Storage that takes no string, blob or row beyond that size. */
function strict(actual: HubStorage): HubStorage {
  const exec: SqlStorage['exec'] = (statement, ...values) => {
    const size = values.reduce((sum: number, value) => sum + sizeOf(value), 0);
    if (size > MOST_BYTES) throw new Error(`string or blob too big: SQLITE_TOOBIG (${size} bytes)`);
    return actual.sql.exec(statement, ...values);
  };
  return {
    sql: new Proxy(actual.sql, { get: (sql, name) => (name === 'exec' ? exec : Reflect.get(sql, name)) }),
    transactionSync: (write) => actual.transactionSync(write),
  };
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string') return utf8Bytes(value).byteLength;
  return value instanceof ArrayBuffer ? value.byteLength : 8;
}

const inStrictHub = <T>(use: Parameters<typeof withHub<T>>[0]) => withHub(use, { storage: strict });

/** A table of one bucket of routes, as large as a bucket may be. */
async function tableOf(routes: Record<string, RouteEntry>): Promise<MadeTable> {
  const table = await makeTable({ routes });
  const [bytes] = [...table.blobs.values()];
  expect(bytes!.byteLength).toBeGreaterThan(MAX_BUCKET_BYTES - 2_000);
  expect(bytes!.byteLength).toBeLessThanOrEqual(MAX_BUCKET_BYTES);
  return table;
}

test.each<[string, (i: number) => Partial<RouteEntry>]>([
  ['many small routes', () => ({})],
  ['routes of many host names', (i) => ({ hostnames: range(40).map((j) => `h${i}-${j}.example.com`) })],
  ['routes of many models', (i) => ({ models: Object.fromEntries(range(40).map((j) => [`m${i}-${j}`, 'team/m'])) })],
  [
    'routes of many headers',
    (i) => ({ headers: range(40).map((j) => ({ name: `x-${i}-${j}`, value: 'ü'.repeat(20) })) }),
  ],
  [
    'routes of many host names and of many headers',
    (i) => ({
      hostnames: range(40).map((j) => `h${i}-${j}.example.com`),
      headers: range(40).map((j) => ({ name: `x-${i}-${j}`, value: 'v' })),
    }),
  ],
])('the largest bucket is admitted, whatever is in it: %s', async (_, change) => {
  const routes: Record<string, RouteEntry> = {};
  let size = 2;
  for (let i = 0; ; i++) {
    const route = aRoute(change(i));
    const bytes = utf8Bytes(canonicalJson({ [`team/r${i}`]: route })).byteLength - 1;
    if (size + bytes > MAX_BUCKET_BYTES) break;
    size += bytes;
    routes[`team/r${i}`] = route;
  }
  const last = aRoute({ pathPrefix: '/' });
  const room = MAX_BUCKET_BYTES - size - utf8Bytes(canonicalJson({ 'team/z': last })).byteLength;
  if (room > 0) routes['team/z'] = { ...last, pathPrefix: `/${'p'.repeat(room)}` };
  const table = await tableOf(routes);
  await inStrictHub(async (test) => {
    const revision = await new TestPublisher(test.hub).publishTable(table);
    await test.wake();
    const { clusters } = await test.hub.poll(question({ [CLUSTER]: null }));
    expect(clusters[CLUSTER]).toMatchObject({ revision });
    expect(await test.hub.getBlobs(table.sections.routes, 'agent')).toHaveLength(1);
  });
});

test('the longest pointer is admitted and released', async () => {
  const empty = utf8Bytes('{}');
  const sha256 = await sha256Hex(empty);
  // Two sections of 4,096 buckets, all of them empty, and a note that fills the rest.
  const { sections } = await makeTable({});
  const buckets = Array.from({ length: 4_096 }, () => sha256);
  const table = { sections: { ...sections, providers: buckets, secrets: buckets }, blobs: new Map([[sha256, empty]]) };
  await inStrictHub(async (test) => {
    const publisher = new TestPublisher(test.hub);
    const unfilled = await publisher.sign(table, { change: { rollbackOf: '' } });
    const room = Math.floor(((MAX_POINTER_LENGTH - unfilled.length) * 3) / 4) - 4;
    await publisher.putBlobs(table);
    const jws = await publisher.sign(table, { change: { rollbackOf: 'n'.repeat(room) } });
    expect(jws.length).toBeGreaterThan(MAX_POINTER_LENGTH - 100);
    expect(await test.hub.admit(CLUSTER, jws)).toMatchObject({ changed: true });
    await test.wake();
    expect((await test.hub.state(CLUSTER)).current?.jws).toBe(jws);
    await test.hub.evict(CLUSTER);
    expect((await test.hub.state(CLUSTER)).current).toBeNull();
  });
});

test('the longest question for missing blobs is answered', async () => {
  const hashes = await Promise.all(range(20_000).map((i) => sha256Hex(String(i))));
  await inStrictHub(async ({ hub }) => expect(await hub.missingBlobs(hashes)).toHaveLength(20_000));
});

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
