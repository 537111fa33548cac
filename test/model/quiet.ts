import { utf8Bytes } from '../../contract/encoding.ts';
import { blobKey, pointerKey } from '../../contract/storage-keys.ts';
import type { EdgeWorld } from './edge-world.ts';
import type { Isolate } from './isolate.ts';
import { CLUSTERS, type ClusterName } from './model-clusters.ts';
import { nameOf } from './ledger.ts';
import { genuineBytes } from './model-tables.ts';
import { PLACES } from './place.ts';
import { callIsolate } from './requests.ts';

/** Longer than any staleness bound, and than any pause after a failure. */
const BOUND_MS = 70_000;
/** KV has shown everything by then, and the hub has come back from every failed turn. */
const KV_SETTLED_MS = 200_000;
/** More than fit between two questions to the hub. */
const STEADY_REQUESTS = 12;

/**
 * Everything can be reached again, one agent of each cluster goes on, and each isolate gets a request now and then:
 * soon all serve the newest table, which is the one that is wanted.
 */
export async function quiet(world: EdgeWorld): Promise<void> {
  world.tell('quiet');
  world.toEdge.heal();
  for (const place of PLACES) world.toHub[place].heal();
  world.kv.condition = 'up';
  world.kv.failingAt.clear();
  for (const cluster of CLUSTERS)
    for (const [number, agent] of world.clusters[cluster].agents) if (number > 0) agent.kill();
  // What was under way comes to its end.
  do await world.pass(KV_SETTLED_MS);
  while (CLUSTERS.some((cluster) => [...world.clusters[cluster].agents.values()].some((agent) => agent.busy)));
  for (let round = 0; round < 3; round++) {
    await everyIsolate(world);
    for (const cluster of CLUSTERS) await bringWanted(world, cluster);
    await world.pass(BOUND_MS);
  }
  await world.pass(KV_SETTLED_MS);
  await everyIsolate(world);
  await world.pass(BOUND_MS);
  // The first after a pause asks before it answers.
  await everyIsolate(world);
  for (const cluster of CLUSTERS) {
    await judgeQuiet(world, cluster);
    judgeCopy(world, cluster);
  }
  for (const isolate of world.isolates.slice(0, 2)) await judgeSteadyState(world, isolate);
}

/** A request a second: what an isolate asks of the hub it asks behind their backs, and none of them waits. */
async function judgeSteadyState(world: EdgeWorld, isolate: Isolate): Promise<void> {
  const caller = { cluster: CLUSTERS[0], key: 1 };
  for (let i = 0; i < STEADY_REQUESTS; i++) {
    const before = world.clock.now();
    await world.clock.pass(callIsolate(world, isolate, caller), 90_000);
    const waited = world.clock.now() - before;
    if (i > 0 && waited > 0 && isolate.serves(caller.cluster))
      world.broken(`${isolate.name} made a request wait for ${waited} ms in the steady state`);
    await world.pass(1_000);
  }
}

async function everyIsolate(world: EdgeWorld): Promise<void> {
  for (const isolate of world.isolates)
    for (const cluster of CLUSTERS) await world.clock.pass(callIsolate(world, isolate, { cluster, key: 1 }), 90_000);
}

async function bringWanted(world: EdgeWorld, cluster: ClusterName): Promise<void> {
  const { wanted } = world.clusters[cluster];
  if (wanted === undefined) return;
  const agent = world.agent(cluster, 0);
  agent.forget();
  await world.clock.pass(world.bring(agent, wanted), 600_000);
}

async function judgeQuiet(world: EdgeWorld, cluster: ClusterName): Promise<void> {
  const { wanted } = world.clusters[cluster];
  const newest = world.ledger.of(cluster).kept[0];
  const { current, serving } = await world.clock.pass(
    world.hub.call((hub) => hub.state(cluster)),
    60_000,
  );
  if (current?.revision !== newest?.revision)
    world.broken(`the hub holds another table of ${cluster} than it admitted`);
  if (wanted !== undefined && (newest?.table ?? 'nothing') !== wanted)
    world.broken(`after quiet the edge has table ${newest?.table} of ${cluster}, wanted is ${wanted}`);
  for (const isolate of world.isolates) judgeIsolate(world, isolate, cluster, newest?.revision);
  const elsewhere = serving.filter(({ revision }) => revision !== (newest?.revision ?? null));
  if (elsewhere.length > 0) world.broken(`after quiet the hub says that ${cluster} is ${JSON.stringify(elsewhere)}`);
}

/** KV has what the hub admitted last, but for what somebody else has written there since. */
function judgeCopy({ ledger, kv, attacked, broken }: EdgeWorld, cluster: ClusterName): void {
  const newest = ledger.of(cluster).kept[0];
  if (!newest) return;
  const has = (key: string, bytes: Uint8Array | undefined): boolean =>
    kv.showable(key).every((shown) => shown && bytes && Buffer.compare(shown, bytes) === 0);
  const key = pointerKey(cluster);
  const isOurs = (attacked.get(key) ?? 0) <= ledger.history.indexOf(newest);
  if (isOurs && !has(key, utf8Bytes(newest.jws))) broken(`after quiet KV shows another pointer of ${cluster}`);
  for (const sha256 of Object.values(newest.pointer.sections).flat())
    if (!attacked.has(blobKey(sha256)) && !has(blobKey(sha256), genuineBytes(sha256)))
      broken(`after quiet KV lacks a blob of ${newest.revision} of ${cluster}`);
}

function judgeIsolate(world: EdgeWorld, isolate: Isolate, cluster: ClusterName, newest: string | undefined): void {
  const serves = isolate.serves(cluster);
  if (serves?.revision === newest) return;
  world.broken(
    `after quiet ${isolate.name} serves ${serves?.revision} (${nameOf(serves?.generation ?? null)}) of ${cluster}, newest is ${newest}`,
  );
}
