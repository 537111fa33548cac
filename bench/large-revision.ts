import { importSealingPublicKey } from '../contract/sealed-secret.ts';
import { importSigningKey, revisionOf, signPointer } from '../contract/revision.ts';
import type { Pointer } from '../contract/routing-table.ts';
import { SCHEMA_VERSION } from '../contract/schema-version.ts';
import { createCompiler, type Compiler } from '../sync-agent/compile/compile.ts';
import { hashesOf, type TableBlobs } from '../sync-agent/plan.ts';
import { SecretSealer } from '../sync-agent/publish/seal-secrets.ts';
import type { Resource } from '../sync-agent/snapshot.ts';
import { EDGE } from '../test/support/resource-builders.ts';
import { clusterName, type LargeEdge } from './large-edge.ts';

/** A revision as an agent would publish it. */
export type Revision = { revision: string; jws: string; pointer: Pointer; blobs: TableBlobs };

/** Compiles, seals and signs as an agent does, without an edge: the first revision, then one for each change. */
export class Revisions {
  readonly #large: LargeEdge;
  readonly #origin: string;
  readonly #sealer: SecretSealer;
  readonly #compiler: Compiler = createCompiler(EDGE);
  #sequence = 0;

  private constructor(large: LargeEdge, origin: string, sealer: SecretSealer) {
    this.#large = large;
    this.#origin = origin;
    this.#sealer = sealer;
  }

  static async of(large: LargeEdge, origin: string): Promise<Revisions> {
    const { kid, publicKey } = large.keys.sealing;
    const sealingKey = await importSealingPublicKey(kid, publicKey);
    return new Revisions(large, origin, new SecretSealer({ edge: origin, cluster: clusterName, sealingKey }));
  }

  first(): Promise<Revision> {
    return this.next(this.#large.resources(this.#origin));
  }

  async next(resources: readonly Resource[]): Promise<Revision> {
    this.#compiler.apply(resources.map((resource) => ({ type: 'Set', resource })));
    const { sections, secrets } = this.#compiler.compile();
    const blobs = { ...sections, secrets: await this.#sealer.seal(secrets) };
    const replaces = this.#sequence === 0 ? null : { term: 1, sequence: this.#sequence };
    this.#sequence += 1;
    const pointer: Pointer = {
      schemaVersion: SCHEMA_VERSION,
      edge: this.#origin,
      cluster: clusterName,
      clusterUid: 'bench',
      generation: { term: 1, sequence: this.#sequence },
      replaces,
      issuedAt: new Date().toISOString(),
      sections: hashesOf(blobs),
    };
    const jws = await signPointer(pointer, await importSigningKey(this.#large.keys.signing.privateJwk));
    return { revision: await revisionOf(jws), jws, pointer, blobs };
  }
}
