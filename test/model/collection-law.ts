import type { EdgeWorld } from './edge-world.ts';
import { CLUSTERS } from './model-clusters.ts';

const DAY_MS = 86_400_000;

/**
 * The hub has every blob that a revision names which it keeps, or which a living isolate said within a day that it
 * serves. What a wipe took it need not have, and of an evicted cluster nothing.
 */
export async function judgeCollection(world: EdgeWorld): Promise<void> {
  const { hub, ledger, clock, isolates } = world;
  for (const cluster of CLUSTERS) {
    const { kept, reports, sinceWipe, evicted } = ledger.of(cluster);
    const served = isolates.flatMap(({ name }) => {
      const report = reports.get(name);
      return report && report.revision !== null && clock.now() - report.heardAt < DAY_MS ? [report.revision] : [];
    });
    const needed = new Map(kept.map((one) => [one.revision, one]));
    for (const revision of evicted ? [] : served) {
      const admitted = sinceWipe.get(revision);
      if (admitted) needed.set(revision, admitted);
    }
    for (const { revision, pointer } of needed.values()) {
      const hashes = [...new Set(Object.values(pointer.sections).flat())];
      const has = await hub.look((hub) => hub.getBlobs(hashes, 'agent'));
      if (has.length < hashes.length)
        world.broken(`the hub collected ${hashes.length - has.length} blobs of ${revision} of ${cluster}, in use`);
    }
  }
}
