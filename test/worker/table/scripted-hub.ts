import { importSigningKey, revisionOf, signPointer } from '../../../contract/revision.ts';
import type { Generation } from '../../../contract/routing-table.ts';
import type { ClusterNews, HubClient, PollAnswer, PollQuestion } from '../../../worker/table/hub-protocol.ts';
import { trustedCluster, type TableSettings } from '../../../worker/table/table-settings.ts';
import { makeTable, type Entries } from './make-table.ts';
import { pointerTo } from './test-publisher.ts';
import { EDGE, FIRST_KEY, SECOND_KEY } from './test-keys.ts';

/** Two clusters, each with a key of its own, in the order in which they are listed. */
const KEYS = { eu: FIRST_KEY, us: SECOND_KEY };
export type ClusterName = keyof typeof KEYS;

export async function twoClusters(): Promise<TableSettings> {
  const trusted = Object.entries(KEYS).map(([name, { kty, crv, kid, x }]) =>
    trustedCluster({
      name,
      verifyingKeys: [{ kty: kty === 'OKP' ? kty : 'OKP', crv: crv === 'Ed25519' ? crv : 'Ed25519', kid, x }],
      hostnames: ['*'],
      models: ['*'],
    }),
  );
  return { edge: EDGE, clusters: await Promise.all(trusted), local: true };
}

const NOTHING: ClusterNews = { revision: null, recent: [], floor: null, evicted: false, signals: [] };

/** A hub that says what it is told to say. */
export class ScriptedHub implements Pick<HubClient, 'poll' | 'getBlobs'> {
  readonly asked: PollQuestion[] = [];
  readonly blobs = new Map<string, Uint8Array<ArrayBuffer>>();
  isDown = false;
  readonly #news = new Map<string, ClusterNews>();

  /** What it says of a cluster from now on, beside what it said before. */
  say(cluster: ClusterName, change: Partial<ClusterNews>): void {
    this.#news.set(cluster, { ...NOTHING, ...this.#news.get(cluster), ...change });
  }

  async publish(cluster: ClusterName, entries: Entries, generation: Generation, count = 1): Promise<string> {
    const { jws, revision, hashes } = await signed(cluster, entries, generation, count);
    for (const [sha256, bytes] of (await makeTable(entries, count)).blobs) this.blobs.set(sha256, bytes);
    this.say(cluster, { revision, jws, recent: hashes, floor: generation, evicted: false });
    return revision;
  }

  evict(cluster: ClusterName, floor: Generation): void {
    this.#news.set(cluster, { ...NOTHING, floor, evicted: true });
  }

  async poll(question: PollQuestion): Promise<PollAnswer> {
    this.asked.push(question);
    if (this.isDown) throw new Error('the hub is down');
    const clusters = Object.entries(question.clusters).map(([cluster, { serving }]) => {
      const { jws, ...news } = this.#news.get(cluster) ?? NOTHING;
      const isNew = jws !== undefined && serving?.revision !== news.revision;
      return [cluster, isNew ? { ...news, jws } : news] as const;
    });
    return { clusters: Object.fromEntries(clusters), nextPollMs: 500, staleAfterMs: 1_000 };
  }

  async getBlobs(hashes: readonly string[]) {
    if (this.isDown) throw new Error('the hub is down');
    return hashes.flatMap((sha256) => {
      const bytes = this.blobs.get(sha256);
      return bytes ? [{ sha256, bytes }] : [];
    });
  }
}

/** A pointer as the cluster's agent signs it. */
export async function signed(cluster: ClusterName, entries: Entries, generation: Generation, count = 1) {
  const table = await makeTable(entries, count);
  const pointer = pointerTo(table, { generation, replaces: null, change: { cluster } });
  const jws = await signPointer(pointer, await importSigningKey(KEYS[cluster]));
  return { jws, revision: await revisionOf(jws), hashes: [...table.blobs.keys()], blobs: table.blobs };
}
