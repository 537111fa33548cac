import type { Admission } from '../../../contract/publish-api.ts';
import { importSigningKey, signPointer } from '../../../contract/revision.ts';
import { SCHEMA_VERSION, type Generation, type Pointer } from '../../../contract/routing-table.ts';
import type { HubClient, Refused } from '../../../worker/table/hub-protocol.ts';
import { makeTable, type Entries, type MadeTable } from './make-table.ts';
import { CLUSTER, EDGE, FIRST_KEY } from './test-keys.ts';

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

/** Publishes as an agent does: a term once, then blobs and pointer for each table. */
export class TestPublisher {
  readonly hub: HubClient;
  #generation: Generation | undefined;
  #replaces: Generation | null = null;

  constructor(hub: HubClient) {
    this.hub = hub;
  }

  async claimTerm(floor: Generation | null = null): Promise<number> {
    const grant = await this.hub.claimTerm(CLUSTER, { clusterUid: CLUSTER_UID, floor });
    if ('refused' in grant) throw new Error(grant.refused.message);
    this.#generation = { term: grant.term, sequence: 0 };
    this.#replaces = (await this.hub.state(CLUSTER)).current?.pointer.generation ?? null;
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

  /** Puts the blobs and the pointer, whatever the hub says to it. */
  async push(table: MadeTable, signing: Partial<Signing> = {}): Promise<Admission | Refused> {
    await this.putBlobs(table);
    return this.hub.admit(CLUSTER, await signedPointer(table, { ...(await this.next()), ...signing }));
  }

  /** Publishes a table that the hub must take, and gives its revision. */
  async publish(entries: Entries, count = 1): Promise<string> {
    const { generation } = await this.next();
    const outcome = await this.push(await makeTable(entries, count));
    if ('refused' in outcome) throw new Error(`${outcome.refused.rule}: ${outcome.refused.message}`);
    this.#generation = generation;
    this.#replaces = generation;
    return outcome.revision;
  }
}
