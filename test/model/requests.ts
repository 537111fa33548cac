import { isDeepStrictEqual } from 'node:util';
import { sameGeneration } from '../../contract/revision.ts';
import { fromHex } from '../../contract/encoding.ts';
import type { ClusterTable, ServedTable } from '../../worker/table/served-table.ts';
import { TableUnavailable } from '../../worker/table/table-unavailable.ts';
import { isAbove } from './broken-law.ts';
import type { EdgeWorld } from './edge-world.ts';
import type { Isolate } from './isolate.ts';
import { nameOf, type Admitted } from './ledger.ts';
import { CLUSTERS, type ClusterName } from './model-clusters.ts';
import { genuineBytes, keyDigest, KEYS, tableWith, type ModelTable } from './model-tables.ts';
import { blobKey } from '../../contract/storage-keys.ts';

/** No caller waits longer, in milliseconds, whatever is down. */
const ANSWERED_WITHIN_MS = 60_000;

/** A load that somebody else began may take so long, in milliseconds, and fail for who waits for it. */
const LOAD_MS = 15_000;

/** Longer than any staleness bound: who has not heard from the hub for so long asks before it answers. */
const IDLE_MS = 70_000;

export interface Caller {
  readonly cluster: ClusterName;
  readonly key: number;
  /** The client goes away after so many milliseconds. */
  readonly leavesAfterMs?: number | undefined;
}

/**
 * A caller's request, judged: what the isolate decides by must have been admitted and be what was published, a key that
 * its table has is never unknown, and nobody waits for ever.
 */
export async function callIsolate(world: EdgeWorld, isolate: Isolate, caller: Caller): Promise<void> {
  const { cluster, key, leavesAfterMs } = caller;
  const startedAt = world.clock.now();
  const had = isolate.serves(cluster);
  const isIdle = had !== undefined && startedAt - isolate.heardAt > IDLE_MS;
  const newest = CLUSTERS.map((name) => world.ledger.of(name).kept[0]);
  let isOver = false;
  let used: string | undefined;
  world.clock.after(ANSWERED_WITHIN_MS, () => {
    const waits = !isOver && !isolate.dead && leavesAfterMs === undefined;
    if (waits) world.broken(`${isolate.name} left a caller without an answer`);
  });
  const who = `${isolate.name} for key ${key} of ${cluster}`;
  try {
    await isolate.request(
      keyDigest(cluster, key),
      async (table) => {
        used = table.clusters.find((one) => one.cluster === cluster)?.revision;
        for (const one of table.clusters) judgeTable(world, one, who);
        if (isIdle) judgeFreshness(world, table, newest, isolate, startedAt, who);
        await judgeKey(world, table, caller, who);
      },
      leavesAfterMs,
    );
  } catch (error) {
    if (isolate.dead || leavesAfterMs !== undefined) return;
    if (!(error instanceof TableUnavailable)) world.broken(`${who} failed: ${String(error)}`);
    else if (error.reason === 'no-table' && had) world.broken(`${who}: it lost its table`);
    else if (error.reason === 'missing-blob') await judgeMissing(world, isolate, used, startedAt - LOAD_MS, who);
  } finally {
    isOver = true;
    isolate.check();
  }
}

/** What is served was admitted at some time, and is what was published. */
function judgeTable(world: EdgeWorld, table: ClusterTable, who: string): void {
  const admitted = world.ledger.admitted.get(table.revision);
  const published = admitted && tableWith(admitted.pointer.sections);
  if (!admitted || !published || published.cluster !== table.cluster) {
    world.broken(`${who} serves ${table.revision} as ${table.cluster}'s, which was never admitted`);
    return;
  }
  if (!sameGeneration(table.generation, admitted.pointer.generation)) world.broken(`${who}: not its generation`);
  const { entries } = published;
  const routes = new Map(table.claims().map(({ id, route }) => [id, route]));
  const same =
    isDeepStrictEqual(Object.fromEntries(routes), entries.routes) &&
    Object.entries(entries.models).every(([id, entry]) => isDeepStrictEqual(table.model(id), entry)) &&
    Object.entries(entries.providers).every(([id, entry]) => isDeepStrictEqual(table.provider(id), entry)) &&
    Object.entries(entries.secrets).every(([id, entry]) => isDeepStrictEqual(table.secret(id), entry)) &&
    Array.from({ length: KEYS }, (_, key) => keyDigest(published.cluster, key)).every(
      (digest) => table.hasKey(fromHex(digest)) === digest in entries.consumers,
    );
  if (!same) world.broken(`${who}: ${table.revision} is not what was published`);
}

/** Whoever is back from idleness, and can ask, serves nothing older than the hub had when the request came. */
function judgeFreshness(
  world: EdgeWorld,
  table: ServedTable,
  newest: readonly (Admitted | undefined)[],
  isolate: Isolate,
  since: number,
  who: string,
): void {
  const { hub, kv, toHub } = world;
  const before = since - LOAD_MS;
  if (hub.interruptedAt >= before || kv.wasTroubledSince(before) || toHub[isolate.place].wasTroubledSince(before))
    return;
  for (const { cluster, generation } of table.clusters) {
    const known = newest.find((one) => one?.pointer.cluster === cluster);
    if (known && isAbove(known.pointer.generation, generation))
      world.broken(
        `${who} answers out of ${nameOf(generation)} of ${cluster} after it was idle, ${known.revision} is newer`,
      );
  }
}

async function judgeKey(world: EdgeWorld, table: ServedTable, { cluster, key }: Caller, who: string): Promise<void> {
  const own = table.clusters.find((one) => one.cluster === cluster);
  const published = own && contentOf(world, own.revision);
  const digest = keyDigest(cluster, key);
  const expected = published?.entries.consumers[digest];
  const isKnown = table.hasKey(fromHex(digest));
  if (isKnown !== (expected !== undefined)) world.broken(`${who}: the key index is wrong`);
  // As the pipeline does: who is not in the index is not looked up.
  const found = isKnown ? await table.consumer(digest) : undefined;
  if (!isDeepStrictEqual(found, expected && { ...expected, cluster }))
    world.broken(`${who}: the consumer is ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`);
}

/** A part of a table may be out of reach only while the hub does not give it, nor KV. */
async function judgeMissing(
  world: EdgeWorld,
  isolate: Isolate,
  revision: string | undefined,
  since: number,
  who: string,
): Promise<void> {
  const { hub, kv, ledger } = world;
  const sections = revision === undefined ? undefined : ledger.admitted.get(revision)?.pointer.sections;
  const hashes = sections?.consumers ?? [];
  const held = await hub.look((hub) => hub.getBlobs(hashes, 'agent'));
  const hubGives =
    held.length === new Set(hashes).size &&
    hub.interruptedAt < since &&
    !world.toHub[isolate.place].wasTroubledSince(since);
  const kvGives =
    !kv.wasTroubledSince(since) &&
    hashes.every((sha256) => {
      const shown = kv.showable(blobKey(sha256));
      return shown.length > 0 && shown.every((bytes) => bytes && isGenuine(sha256, bytes));
    });
  if (hubGives || kvGives) world.broken(`${who}: a part is called missing, and ${hubGives ? 'the hub' : 'KV'} has it`);
}

function isGenuine(sha256: string, bytes: Uint8Array): boolean {
  return Buffer.compare(genuineBytes(sha256) ?? new Uint8Array(), bytes) === 0;
}

function contentOf({ ledger }: EdgeWorld, revision: string): ModelTable | undefined {
  const admitted = ledger.admitted.get(revision);
  return admitted && tableWith(admitted.pointer.sections);
}
