import { reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MAX_BUCKET_BYTES, MAX_POINTER_LENGTH } from '../../../contract/buckets.ts';
import { utf8Bytes } from '../../../contract/encoding.ts';
import { revisionOf } from '../../../contract/revision.ts';
import { inboxBlobKey, inboxLatestKey, inboxRevisionKey } from '../../../contract/storage-keys.ts';
import { LOOK_EVERY_MS } from '../../../worker/table/hub-inboxes.ts';
import { kvInbox, type InboxNamespace } from '../../../worker/table/inbox-kv.ts';
import { aModel, makeTable, smallTable, type MadeTable } from './make-table.ts';
import { question, refused, withHub, type TestHub } from './test-hub.ts';
import { CLUSTER, OTHER_KEY, STRANGERS_KEY, trusting, FIRST_KEY } from './test-keys.ts';
import { TestPublisher } from './test-publisher.ts';

/** A KV namespace that publishers write to, and a count of what the hub reads there. */
let values: Map<string, Uint8Array<ArrayBuffer>>;
let reads: string[];
let broken: boolean;
const namespace: InboxNamespace = {
  async get(key) {
    if (broken) throw new Error('KV is down');
    reads.push(key);
    const bytes = values.get(key);
    return bytes ? new Response(bytes).body : null;
  },
  delete: async (key) => void values.delete(key),
};
const inboxes = { CloudflareKV: kvInbox(namespace) };

beforeEach(() => {
  values = new Map();
  reads = [];
  broken = false;
});
afterEach(() => reset());

function putBlobs({ blobs }: MadeTable): void {
  for (const [sha256, bytes] of blobs) values.set(inboxBlobKey(CLUSTER, sha256), bytes);
}

function putText(jws: string, revision: string): void {
  values.set(inboxRevisionKey(CLUSTER, revision), utf8Bytes(jws));
  values.set(inboxLatestKey(CLUSTER), utf8Bytes(jws));
}

async function put(table: MadeTable, jws: string): Promise<string> {
  const revision = await revisionOf(jws);
  putBlobs(table);
  putText(jws, revision);
  return revision;
}

const notice = ({ hub }: TestHub, revision: string) => hub.admitFromInbox(CLUSTER, { inbox: 'CloudflareKV', revision });
const currentRevision = async ({ hub }: TestHub) => (await hub.state(CLUSTER)).current?.revision;
const warnings = ({ logged }: TestHub) => logged.filter(({ level }) => level === 'warn').map(({ fields }) => fields);
const lookAgain = async (test: TestHub, times = 1) => {
  for (let i = 0; i < times; i++) {
    test.time += LOOK_EVERY_MS;
    await test.wake();
  }
};

describe('a notice of a table in an inbox', () => {
  test('has it admitted, and takes away what lay there but for the latest pointer', async () => {
    await withHub(
      async (test) => {
        const publisher = new TestPublisher(test.hub);
        const table = await makeTable(await smallTable());
        const revision = await put(table, await publisher.sign(table));
        expect(await notice(test, revision)).toMatchObject({ revision, changed: true });
        expect(await currentRevision(test)).toBe(revision);
        expect([...values.keys()]).toEqual([inboxLatestKey(CLUSTER)]);
        expect(await notice(test, revision)).toMatchObject({ revision, changed: false });
      },
      { inboxes },
    );
  });

  test('works with KV as it is', async () => {
    await withHub(
      async (test) => {
        const table = await makeTable(await smallTable());
        const revision = await put(table, await new TestPublisher(test.hub).sign(table));
        for (const [key, bytes] of values) await env.TABLE_KV.put(key, bytes);
        expect(await notice(test, revision)).toMatchObject({ revision, changed: true });
        expect((await env.TABLE_KV.list()).keys.map(({ name }) => name)).toEqual([inboxLatestKey(CLUSTER)]);
      },
      { inboxes: { CloudflareKV: kvInbox(env.TABLE_KV) } },
    );
  });

  test('fetches only the blobs that the hub lacks', async () => {
    await withHub(
      async (test) => {
        const publisher = new TestPublisher(test.hub);
        await publisher.publish(await smallTable());
        const table = await makeTable(await smallTable({ models: { 'team/demo': aModel({ aliases: ['new'] }) } }));
        const revision = await put(table, await publisher.sign(table));
        expect(await notice(test, revision)).toMatchObject({ changed: true });
        expect(reads.filter((key) => key.includes('/blob/'))).toHaveLength(1);
      },
      { inboxes },
    );
  });

  test('that comes before storage shows all of it is to be repeated, and goes on where it was', async () => {
    await withHub(
      async (test) => {
        const publisher = new TestPublisher(test.hub);
        const models = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`team/m${i}`, aModel()]));
        const table = await makeTable({ models }, 32);
        const revision = await revisionOf(await publisher.sign(table));
        expect(await notice(test, revision)).toBe('not-arrived');
        await put(table, await publisher.sign(table));
        const late = [...table.blobs.keys()].at(-1)!;
        const bytes = values.get(inboxBlobKey(CLUSTER, late))!;
        values.delete(inboxBlobKey(CLUSTER, late));
        expect(await notice(test, revision)).toBe('not-arrived');
        expect(await currentRevision(test)).toBeUndefined();
        values.set(inboxBlobKey(CLUSTER, late), bytes);
        reads = [];
        expect(await notice(test, revision)).toMatchObject({ changed: true });
        expect(reads.length).toBeLessThan(12);
      },
      { inboxes },
    );
  });

  test('of an inbox that this edge does not have says so', async () => {
    await withHub(
      async ({ hub }) => {
        expect(await hub.admitFromInbox(CLUSTER, { inbox: 'UpstashRedis', revision: 'abc' })).toBe('no-inbox');
      },
      { inboxes },
    );
  });

  test('of a revision that was superseded meanwhile is refused', async () => {
    await withHub(
      async (test) => {
        const publisher = new TestPublisher(test.hub);
        const first = await publisher.publish({});
        await publisher.publish(await smallTable());
        expect(refused(await notice(test, first))).toMatchObject({ rule: 'generation' });
      },
      { inboxes },
    );
  });
});

describe('what lies in an inbox is refused, and named is the rule', () => {
  const refusalOf = async (
    place: (table: MadeTable, publisher: TestPublisher) => Promise<string>,
  ): Promise<{ rule: string; message: string; current: string | undefined }> =>
    withHub(
      async (test) => {
        const table = await makeTable(await smallTable());
        const { rule, message } = refused(await notice(test, await place(table, new TestPublisher(test.hub))));
        return { rule, message, current: await currentRevision(test) };
      },
      { inboxes },
    );

  test('signature: garbage, a stranger, or another document than its name says', async () => {
    const garbage = refusalOf(async () => {
      putText('garbage', await revisionOf('garbage'));
      return revisionOf('garbage');
    });
    expect(await garbage).toMatchObject({ rule: 'signature', current: undefined });
    for (const key of [STRANGERS_KEY, OTHER_KEY]) {
      const signed = refusalOf(async (table, publisher) => put(table, await publisher.sign(table, { key })));
      expect(await signed).toMatchObject({ rule: 'signature', current: undefined });
    }
    const renamed = await refusalOf(async (table, publisher) => {
      putText(await publisher.sign(table), 'abcabcabcabc');
      return 'abcabcabcabc';
    });
    expect(renamed).toMatchObject({ rule: 'signature' });
    expect(renamed.message).toContain('another document');
  });

  test('blob-size: a pointer and a blob of more than is allowed, of which no more is read', async () => {
    const pointer = refusalOf(async () => {
      putText('x'.repeat(MAX_POINTER_LENGTH + 1), 'abcabcabcabc');
      return 'abcabcabcabc';
    });
    expect(await pointer).toMatchObject({ rule: 'blob-size' });
    let read = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        read += 65_536;
        controller.enqueue(new Uint8Array(65_536));
      },
    });
    const [text] = [await kvInbox({ ...namespace, get: async () => endless }).latest(CLUSTER)];
    expect(text).toBe('too-long');
    expect(read).toBeLessThan(2 * MAX_POINTER_LENGTH);
    const blob = refusalOf(async (table, publisher) => {
      const revision = await put(table, await publisher.sign(table));
      const [sha256] = [...table.blobs.keys()];
      values.set(inboxBlobKey(CLUSTER, sha256!), new Uint8Array(MAX_BUCKET_BYTES + 1));
      return revision;
    });
    expect(await blob).toMatchObject({ rule: 'blob-size', current: undefined });
  });

  test('blob-hash: bytes that are not what their name says', async () => {
    const outcome = refusalOf(async (table, publisher) => {
      const revision = await put(table, await publisher.sign(table));
      const [sha256] = [...table.blobs.keys()];
      values.set(inboxBlobKey(CLUSTER, sha256!), utf8Bytes('{}'));
      return revision;
    });
    expect(await outcome).toMatchObject({ rule: 'blob-hash', current: undefined });
  });

  test('generation: before any blob is fetched', async () => {
    const outcome = refusalOf(async (table, publisher) =>
      put(table, await publisher.sign(table, { generation: { term: 9, sequence: 1 } })),
    );
    expect(await outcome).toMatchObject({ rule: 'generation' });
    expect(reads.filter((key) => key.includes('/blob/'))).toEqual([]);
  });
});

describe('without notice', () => {
  /** An inbox is in use from its first notice on. */
  const used = async (test: TestHub): Promise<TestPublisher> => {
    const publisher = new TestPublisher(test.hub);
    await publisher.publish({});
    await notice(test, 'abcabcabcabc');
    return publisher;
  };

  test('the latest table is found once a minute where an inbox is in use', async () => {
    await withHub(
      async (test) => {
        const publisher = await used(test);
        const table = await makeTable(await smallTable());
        const revision = await put(table, await publisher.sign(table));
        await lookAgain(test);
        expect(await currentRevision(test)).toBe(revision);
        reads = [];
        await test.wake();
        expect(reads).toEqual([]);
        await lookAgain(test);
        expect(reads).toEqual([inboxLatestKey(CLUSTER)]);
      },
      { inboxes },
    );
  });

  test('the next look is planned, also over a restart', async () => {
    const planned = await withHub(
      async (test) => {
        await used(test);
        expect(test.alarm).toBeLessThanOrEqual(test.time + LOOK_EVERY_MS);
        await test.wake();
        expect(test.alarm).toBe(test.time + LOOK_EVERY_MS);
        return test.alarm;
      },
      { inboxes },
    );
    await withHub(
      async (test) => {
        reads = [];
        await lookAgain(test);
        expect(reads).toEqual([inboxLatestKey(CLUSTER)]);
        expect(test.time).toBe(planned);
      },
      { inboxes },
    );
  });

  test('the latest table is found when an isolate finds none', async () => {
    await withHub(
      async (test) => {
        const publisher = new TestPublisher(test.hub);
        const table = await makeTable(await smallTable());
        const revision = await put(table, await publisher.sign(table));
        await test.wake();
        expect(await currentRevision(test)).toBeUndefined();
        await test.hub.poll(question({ [CLUSTER]: null }));
        expect(test.alarm).not.toBeNull();
        test.time = test.alarm ?? 0;
        await test.wake();
        expect(await currentRevision(test)).toBe(revision);
      },
      { inboxes },
    );
  });

  test('nothing is read where no publisher uses an inbox', async () => {
    await withHub(
      async (test) => {
        await new TestPublisher(test.hub).publish({});
        await lookAgain(test, 3);
        expect(reads).toEqual([]);
      },
      { inboxes },
    );
  });

  test('a pointer that is refused is said once, and tried again only when it has changed, also after a restart', async () => {
    const look = (times: number) =>
      withHub(
        async (test) => {
          await lookAgain(test, times);
          return warnings(test);
        },
        { inboxes },
      );
    await withHub(async (test) => used(test), { inboxes });
    putText('garbage', 'x');
    expect(await look(3)).toMatchObject([{ inbox: 'CloudflareKV', cluster: CLUSTER, rule: 'signature' }]);
    expect(await look(2)).toEqual([]);
    putText('other garbage', 'x');
    expect(await look(2)).toMatchObject([{ rule: 'signature' }]);
  });

  test('a pointer with a blob that is not what its name says is fetched once', async () => {
    await withHub(
      async (test) => {
        const publisher = await used(test);
        const table = await makeTable(await smallTable());
        await put(table, await publisher.sign(table));
        for (const sha256 of table.blobs.keys()) values.set(inboxBlobKey(CLUSTER, sha256), utf8Bytes('{}'));
        await lookAgain(test);
        expect(warnings(test)).toMatchObject([{ rule: 'blob-hash' }]);
        reads = [];
        await lookAgain(test, 3);
        expect(reads).toEqual([1, 2, 3].map(() => inboxLatestKey(CLUSTER)));
      },
      { inboxes },
    );
  });

  test('a pointer whose blobs are missing is said once, asks for few of them, and is admitted when they come', async () => {
    await withHub(
      async (test) => {
        const publisher = await used(test);
        const models = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`team/m${i}`, aModel()]));
        const table = await makeTable({ models }, 64);
        const jws = await publisher.sign(table);
        putText(jws, await revisionOf(jws));
        reads = [];
        await lookAgain(test, 3);
        expect(warnings(test)).toMatchObject([{ rule: 'missing-blob' }]);
        expect(reads.length).toBeLessThan(30);
        putBlobs(table);
        await lookAgain(test);
        expect(await currentRevision(test)).toBe(await revisionOf(jws));
      },
      { inboxes },
    );
  });

  test('a pointer that was refused is tried again where the configuration now allows it', async () => {
    const clusters = (change: object) => ({
      FAIRLEAD_CLUSTERS: JSON.stringify([{ ...trusting(CLUSTER, FIRST_KEY), ...change }]),
    });
    const jws = await withHub(
      async (test) => {
        const publisher = await used(test);
        const table = await makeTable(await smallTable());
        const signed = await publisher.sign(table);
        await put(table, signed);
        await lookAgain(test);
        expect(warnings(test)).toMatchObject([{ rule: 'authority' }]);
        return signed;
      },
      { inboxes, variables: clusters({ models: ['other-*'] }) },
    );
    await withHub(
      async (test) => {
        await lookAgain(test);
        expect(await currentRevision(test)).toBe(await revisionOf(jws));
      },
      { inboxes, variables: clusters({}) },
    );
  });

  test('an inbox that cannot be read is said once, stops nothing else, and is read again', async () => {
    await withHub(
      async (test) => {
        const publisher = await used(test);
        const table = await makeTable(await smallTable());
        const revision = await put(table, await publisher.sign(table));
        broken = true;
        await lookAgain(test, 3);
        expect(warnings(test)).toHaveLength(1);
        expect(test.kv.has(`pointer/${CLUSTER}`)).toBe(true);
        broken = false;
        await lookAgain(test);
        expect(await currentRevision(test)).toBe(revision);
      },
      { inboxes },
    );
  });
});
