import { utf8Bytes } from '../../contract/encoding.ts';
import { signPointer } from '../../contract/revision.ts';
import type { Pointer } from '../../contract/routing-table.ts';
import { blobKey, inboxLatestKey, pointerKey } from '../../contract/storage-keys.ts';
import type { EdgeWorld } from './edge-world.ts';
import { CLUSTERS, keyInTurn, STRANGER, type ClusterName } from './model-clusters.ts';

/** What somebody does who can write to KV, and has read everything that ever stood there. */
export const ATTACKS = [
  /** Puts an old pointer back, genuinely signed. */
  'old pointer',
  /** Signs what is newest under a higher generation by a key that nobody listed. */
  'stranger signs',
  /** Has the other cluster's key sign for this one. */
  'neighbour signs',
  /** Puts the other cluster's pointer in the place of this one's. */
  'pointer of another',
  /** Takes what the cluster signed for another edge, under a higher generation. */
  'pointer for another edge',
  'no pointer at all',
  'corrupt blob',
  /** One genuine blob in the place of another. */
  'swapped blob',
  'blob deleted',
  'pointer deleted',
  /** Leaves an old pointer in the inbox. */
  'old in inbox',
] as const;
export type Attack = (typeof ATTACKS)[number];

/** @param which chooses among what there is */
export async function attack(world: EdgeWorld, cluster: ClusterName, what: Attack, which: number): Promise<void> {
  const { kv, ledger } = world;
  const ofCluster = ledger.history.filter(({ pointer }) => pointer.cluster === cluster);
  const old = ofCluster[which % Math.max(1, ofCluster.length)];
  const newest = ofCluster.at(-1);
  if (!old || !newest) return;
  const neighbour = CLUSTERS.find((name) => name !== cluster) ?? cluster;
  const hashes = Object.values(newest.pointer.sections).flat();
  const hash = hashes[which % hashes.length] ?? '';
  const write = (key: string, bytes: Uint8Array<ArrayBuffer> | null) => {
    try {
      kv.write(key, bytes);
      world.attacked.set(key, ledger.history.length);
    } catch {
      // Attackers meet KV's limits too.
    }
  };
  switch (what) {
    case 'old pointer':
      write(pointerKey(cluster), utf8Bytes(old.jws));
      break;
    case 'stranger signs':
      write(pointerKey(cluster), utf8Bytes(await signPointer(higher(newest.pointer), STRANGER.signing)));
      break;
    case 'neighbour signs': {
      const key = keyInTurn(neighbour, world.clusters[neighbour].signs);
      write(pointerKey(cluster), utf8Bytes(await signPointer(higher(newest.pointer), key.signing)));
      break;
    }
    case 'pointer of another': {
      const other = ledger.history.findLast(({ pointer }) => pointer.cluster === neighbour);
      if (other) write(pointerKey(cluster), utf8Bytes(other.jws));
      break;
    }
    case 'pointer for another edge': {
      const { signing } = keyInTurn(cluster, world.clusters[cluster].signs);
      const elsewhere = { ...higher(newest.pointer), edge: 'https://staging.example.com' };
      write(pointerKey(cluster), utf8Bytes(await signPointer(elsewhere, signing)));
      break;
    }
    case 'no pointer at all':
      write(pointerKey(cluster), utf8Bytes('{}'));
      break;
    case 'corrupt blob':
      write(blobKey(hash), utf8Bytes('{"forged":true}'));
      break;
    case 'swapped blob':
      write(blobKey(hash), utf8Bytes('{}'));
      break;
    case 'blob deleted':
      write(blobKey(hash), null);
      break;
    case 'pointer deleted':
      write(pointerKey(cluster), null);
      break;
    case 'old in inbox':
      write(inboxLatestKey(cluster), utf8Bytes(old.jws));
      break;
  }
}

function higher(pointer: Pointer): Pointer {
  return { ...pointer, generation: { term: pointer.generation.term + 1, sequence: 1 }, replaces: pointer.generation };
}
