import type { Admission } from '../../../contract/publish-api.ts';
import { importSigningKey, signPointer } from '../../../contract/revision.ts';
import type { Generation, Pointer } from '../../../contract/routing-table.ts';
import { SCHEMA_VERSION } from '../../../contract/schema-version.ts';
import type { HubClient, Refused } from '../../../worker/table/hub-protocol.ts';
import { makeTable, type Entries, type MadeTable } from './make-table.ts';
import { CLUSTER, EDGE, FIRST_KEY, OTHER_CLUSTER, OTHER_KEY } from './test-keys.ts';

export const CLUSTER_UID = 'uid-1';

export interface Signing {
  readonly generation: Generation;
  readonly replaces: Generation | null;
  readonly change?: Partial<Pointer>;
  readonly key?: typeof FIRST_KEY;
}

export function pointerTo({ sections }: MadeTable, { generation, replaces, change }: Signing): Pointer {
  return {
    schemaVersion: SCHEMA_VERSION,
    edge: EDGE,
    cluster: CLUSTER,
    clusterUid: CLUSTER_UID,
    generation,
    replaces,
    issuedAt: '2026-01-01T00:00:00.000Z',
    sections,
    ...change,
  };
}

export async function signedPointer(table: MadeTable, signing: Signing): Promise<string> {
  return signPointer(pointerTo(table, signing), await importSigningKey(signing.key ?? FIRST_KEY));
}

export interface TestCluster {
  readonly cluster: string;
  readonly clusterUid: string;
  readonly key: typeof FIRST_KEY;
}

export const PROD: TestCluster = { cluster: CLUSTER, clusterUid: CLUSTER_UID, key: FIRST_KEY };
export const LAB: TestCluster = { cluster: OTHER_CLUSTER, clusterUid: 'uid-lab', key: OTHER_KEY };

/** Publishes as an agent does: a term once, then blobs and pointer for each table. */
export class TestPublisher {
  readonly hub: HubClient;
  readonly of: TestCluster;
  #generation: Generation | undefined;
  #replaces: Generation | null = null;

  constructor(hub: HubClient, of: TestCluster = PROD) {
    this.hub = hub;
    this.of = of;
  }

  async claimTerm(floor: Generation | null = null): Promise<number> {
    const { cluster, clusterUid } = this.of;
    const grant = await this.hub.claimTerm(cluster, { clusterUid, floor });
    if ('refused' in grant) throw new Error(grant.refused.message);
    this.#generation = { term: grant.term, sequence: 0 };
    this.#replaces = (await this.hub.state(cluster)).current?.pointer.generation ?? null;
    return grant.term;
  }

  /** The generation that the next push has, and the one that it replaces. */
  async next(): Promise<Pick<Signing, 'generation' | 'replaces'>> {
    if (!this.#generation) await this.claimTerm();
    const { term, sequence } = this.#generation ?? { term: 0, sequence: 0 };
    return { generation: { term, sequence: sequence + 1 }, replaces: this.#replaces };
  }

  async putBlobs({ blobs }: MadeTable): Promise<void> {
    for (const sha256 of await this.hub.missingBlobs([...blobs.keys()])) {
      const bytes = blobs.get(sha256);
      const fault = bytes && (await this.hub.putBlob(sha256, bytes));
      if (fault) throw new Error(fault.message);
    }
  }

  /** The pointer that the next push has, by the cluster's own key. */
  async sign(table: MadeTable, signing: Partial<Signing> = {}): Promise<string> {
    const { cluster, clusterUid, key } = this.of;
    const change = { cluster, clusterUid, ...signing.change };
    return signedPointer(table, { ...(await this.next()), key, ...signing, change });
  }

  /** Puts the blobs and the pointer, whatever the hub says to it. */
  async push(table: MadeTable, signing: Partial<Signing> = {}): Promise<Admission | Refused> {
    await this.putBlobs(table);
    return this.hub.admit(this.of.cluster, await this.sign(table, signing));
  }

  /** Publishes a table that the hub must take, and gives its revision. */
  async publish(entries: Entries, count = 1): Promise<string> {
    return this.publishTable(await makeTable(entries, count));
  }

  async publishTable(table: MadeTable): Promise<string> {
    const { generation } = await this.next();
    const outcome = await this.push(table);
    if ('refused' in outcome) throw new Error(`${outcome.refused.rule}: ${outcome.refused.message}`);
    this.#generation = generation;
    this.#replaces = generation;
    return outcome.revision;
  }
}
