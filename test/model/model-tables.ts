import { createHash } from 'node:crypto';
import { canonicalJson } from '../../contract/canonical-json.ts';
import type { SectionEntries, SectionHashes } from '../../contract/routing-table.ts';
import { SECTION_KINDS } from '../../contract/routing-table.ts';
import type { Blob } from '../../sync-agent/compile/compilation.ts';
import type { TableBlobs } from '../../sync-agent/plan.ts';
import { aConsumer, aModel, aProvider, aRoute, makeTable } from '../worker/table/make-table.ts';
import { CLUSTERS, type ClusterName } from './model-clusters.ts';

/** A table that an agent may want at the edge: its entries, and what they are as bytes. */
export interface ModelTable {
  readonly cluster: ClusterName;
  readonly number: number;
  readonly entries: SectionEntries;
  readonly sections: SectionHashes;
  readonly blobs: TableBlobs;
}

/** How many tables each cluster takes turns with; an old one comes back, as when a change is taken back. */
export const TABLES = 6;
export const KEYS = 6;

export function keyDigest(cluster: ClusterName, key: number): string {
  return createHash('sha256').update(`sk-${cluster}-${key}`).digest('hex');
}

/** Tables differ in few buckets, have several, and not every key is in each. */
function entriesOf(cluster: ClusterName, number: number): SectionEntries {
  const ids = Array.from({ length: 4 }, (_, i) => i);
  const keys = Array.from({ length: KEYS }, (_, i) => i).filter((key) => (key + number) % 5 !== 0);
  return {
    routes: Object.fromEntries(
      ids.map((i) => [
        `${cluster}/r${i}`,
        aRoute({ pathPrefix: `/r${i}/${i === number % 4 ? number : 'same'}`, models: { demo: `${cluster}/demo` } }),
      ]),
    ),
    models: {
      [`${cluster}/demo`]: aModel({
        backends: [{ name: 'main', provider: `${cluster}/p`, model: `m${number % 2}`, weight: 1, priority: 0 }],
      }),
    },
    providers: { [`${cluster}/p`]: aProvider({ baseURL: `https://p${number % 3}.example.com/v1` }) },
    consumers: Object.fromEntries(
      keys.map((key) => [
        keyDigest(cluster, key),
        aConsumer({ id: `${cluster}/c${key}`, metadata: { version: key === number % KEYS ? `${number}` : 'same' } }),
      ]),
    ),
    secrets: { [number.toString(16).padStart(64, 'a')]: { sealed: `sealed-${cluster}-${number % 3}` } },
  };
}

async function tableOf(cluster: ClusterName, number: number): Promise<ModelTable> {
  const entries = entriesOf(cluster, number);
  const { sections, blobs } = await makeTable(entries, 2 ** (number % 3));
  const blobOf = (sha256: string): Blob => {
    const bytes = blobs.get(sha256);
    if (!bytes) throw new Error('a table lacks its own blob');
    return { sha256, bytes };
  };
  return {
    cluster,
    number,
    entries,
    sections,
    blobs: {
      routes: sections.routes.map(blobOf),
      models: sections.models.map(blobOf),
      providers: sections.providers.map(blobOf),
      consumers: sections.consumers.map(blobOf),
      secrets: sections.secrets.map(blobOf),
      keys: sections.keys.map(blobOf),
    },
  };
}

const ALL = await Promise.all(
  CLUSTERS.flatMap((cluster) => Array.from({ length: TABLES }, (_, number) => tableOf(cluster, number))),
);
const bySections = new Map(ALL.map((table) => [nameOf(table.sections), table]));
const bytesByHash = new Map(
  ALL.flatMap(({ blobs }) => SECTION_KINDS.flatMap((kind) => blobs[kind].map((blob) => [blob.sha256, blob.bytes]))),
);

export function modelTable(cluster: ClusterName, number: number): ModelTable {
  const table = ALL.find((one) => one.cluster === cluster && one.number === number % TABLES);
  if (!table) throw new Error(`${cluster} has no table ${number}`);
  return table;
}

/** The table that somebody made whose sections these are. */
export function tableWith(sections: SectionHashes): ModelTable | undefined {
  return bySections.get(nameOf(sections));
}

export function genuineBytes(sha256: string): Uint8Array<ArrayBuffer> | undefined {
  return bytesByHash.get(sha256);
}

function nameOf(sections: SectionHashes): string {
  return canonicalJson(sections);
}
