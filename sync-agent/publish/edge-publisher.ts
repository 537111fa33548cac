import { sha256Hex } from '../../contract/encoding.ts';
import type { HubState } from '../../contract/publish-api.ts';
import { compareGenerations, revisionOf, signPointer, verifyPointer } from '../../contract/revision.ts';
import { sectionSchemas, type Generation, type Pointer } from '../../contract/routing-table.ts';
import type { Clock } from '../clock.ts';
import type { Blob } from '../compile/compilation.ts';
import type { Logger } from '../log.ts';
import { holds, type HeldTable, type PointerDraft } from '../plan.ts';
import { withRetries } from './backoff.ts';
import type { EdgeClient } from './edge-client.ts';
import { forEachBounded } from '../for-each-bounded.ts';
import { PublishFailure, retryOf } from './publish-failure.ts';
import type { Publisher } from './publisher.ts';
import type { SecretSealer } from './seal-secrets.ts';
import type { SigningIdentity } from './signing-identity.ts';

export interface EdgePublisherOptions {
  readonly client: EdgeClient;
  readonly clusterUid: string;
  readonly identity: SigningIdentity;
  readonly sealer: SecretSealer;
  /** The highest generation that is known of this cluster from elsewhere than the edge. */
  readonly floor: Generation | null;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

/** Calls at once, blobs put or read. */
const PARALLEL_BLOBS = 4;
/** Hashes in one question: the contract's bound is 20,000. */
const HASHES_PER_QUESTION = 5000;
/** How often a pass begins anew where the hub's generation or blobs turn out to be others than thought. */
const ROUNDS = 3;
const CALL_RETRIES = { attempts: 3, firstMs: 200, longestMs: 2000 };

export function createEdgePublisher(options: EdgePublisherOptions): Publisher {
  return new EdgePublisher(options);
}

class EdgePublisher implements Publisher {
  readonly kid: string;
  readonly #options: EdgePublisherOptions;
  #term: number | undefined;
  /** The highest generation ever seen: the floor of the next claim. */
  #highest: Generation | null;
  /** Bucket hashes of the section `secrets` that have been read back. */
  readonly #readBack = new Set<string>();

  constructor(options: EdgePublisherOptions) {
    this.#options = options;
    this.kid = options.identity.signing.kid;
    this.#highest = options.floor;
  }

  async read(signal: AbortSignal): Promise<HeldTable | null> {
    if (this.#term === undefined) await this.#claim(signal);
    let state = await this.state(signal);
    if (state.term < this.#claimed()) {
      this.#options.logger.warn('the hub has forgotten our term: it was wiped, or restored from an older state', {
        held: state.term,
        ours: this.#claimed(),
      });
      await this.#claim(signal);
      state = await this.state(signal);
    }
    if (state.term > this.#claimed()) throw superseded(state.term, this.#claimed());
    const held = await this.#heldIn(state);
    if (held) this.#see(held.pointer.generation);
    if (held?.kid === this.kid) await this.#learnSecrets(held.pointer, signal);
    return held;
  }

  async readBlobs(hashes: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Uint8Array>> {
    const { client, logger } = this.#options;
    const blobs = new Map<string, Uint8Array>();
    await forEachBounded(hashes, PARALLEL_BLOBS, async (hash) => {
      try {
        const bytes = await this.#call(() => client.getBlob(hash, signal), signal);
        if ((await sha256Hex(bytes)) === hash) blobs.set(hash, bytes);
        else logger.warn('a blob of the edge is not what its name says', { blob: hash });
      } catch (error) {
        if (!(error instanceof PublishFailure) || retryOf(error.fault) === 'soon') throw error;
        logger.warn('the edge has lost a blob', { blob: hash, reason: error.message });
      }
    });
    return blobs;
  }

  seal: Publisher['seal'] = (secrets) => this.#options.sealer.seal(secrets);

  publish: Publisher['publish'] = async ({ draft, blobs }, signal) => {
    let current = draft;
    let blobsPut = 0;
    for (let round = 1; ; round++) {
      blobsPut += await this.#putMissing(blobs, signal);
      try {
        return { held: await this.#putPointer(current, signal), blobsPut };
      } catch (error) {
        if (round === ROUNDS || !isConflict(error)) throw error;
        const held = await this.read(signal);
        // Admitted in an earlier round whose answer was lost.
        if (held && holds(held, draft, this.kid)) return { held, blobsPut };
        current = { ...draft, replaces: held?.pointer.generation ?? null };
      }
    }
  };

  probe: Publisher['probe'] = (signal) => this.#options.client.probe(signal);

  state: Publisher['state'] = (signal) => this.#call(() => this.#options.client.state(signal), signal);

  async #claim(signal: AbortSignal): Promise<void> {
    const { client, clusterUid, logger } = this.#options;
    const claim = { clusterUid, floor: this.#highest };
    const { term } = await this.#call(() => client.claimTerm(claim, signal), signal);
    this.#term = term;
    logger.info('claimed a term', { term });
  }

  #claimed(): number {
    if (this.#term === undefined) throw new Error('a term is claimed before it is used');
    return this.#term;
  }

  async #putMissing(blobs: readonly Blob[], signal: AbortSignal): Promise<number> {
    const { client } = this.#options;
    const missing = new Set<string>();
    for (let at = 0; at < blobs.length; at += HASHES_PER_QUESTION) {
      const hashes = blobs.slice(at, at + HASHES_PER_QUESTION).map(({ sha256 }) => sha256);
      for (const hash of await this.#call(() => client.missing(hashes, signal), signal)) missing.add(hash);
    }
    const toPut = blobs.filter(({ sha256 }) => missing.has(sha256));
    await forEachBounded(toPut, PARALLEL_BLOBS, (blob) => this.#call(() => client.putBlob(blob, signal), signal));
    return toPut.length;
  }

  async #putPointer(draft: PointerDraft, signal: AbortSignal): Promise<HeldTable> {
    const { client, clock, identity } = this.#options;
    const issuedAt = new Date(clock.now()).toISOString();
    const pointer: Pointer = { ...draft, generation: this.#next(draft.replaces), issuedAt };
    const jws = await signPointer(pointer, identity.signing);
    // Signed once: a retry whose predecessor had arrived after all is recognised by the hub as the same pointer.
    await this.#call(() => client.putPointer(jws, signal), signal);
    this.#see(pointer.generation);
    for (const hash of draft.sections.secrets) this.#readBack.add(hash);
    return { revision: await revisionOf(jws), kid: this.kid, pointer };
  }

  #next(replaces: Generation | null): Generation {
    const term = this.#claimed();
    return { term, sequence: replaces?.term === term ? replaces.sequence + 1 : 1 };
  }

  #see(generation: Generation): void {
    if (this.#highest === null || compareGenerations(generation, this.#highest) > 0) this.#highest = generation;
  }

  async #heldIn({ current }: HubState): Promise<HeldTable | null> {
    if (!current) return null;
    const { verifying } = this.#options.identity;
    try {
      const pointer = await verifyPointer(current.jws, (kid) => (kid === verifying.kid ? verifying : undefined));
      return { revision: await revisionOf(current.jws), kid: this.kid, pointer };
    } catch {
      // Another key's, before a rotation: a fact to plan with, not something to believe secrets from.
      return { revision: current.revision, kid: undefined, pointer: current.pointer };
    }
  }

  async #learnSecrets({ sections }: Pointer, signal: AbortSignal): Promise<void> {
    const unread = sections.secrets.filter((hash) => !this.#readBack.has(hash));
    const blobs = await this.readBlobs(unread, signal);
    for (const bytes of blobs.values())
      this.#options.sealer.learn(sectionSchemas.secrets.parse(JSON.parse(new TextDecoder().decode(bytes))));
    for (const hash of unread) this.#readBack.add(hash);
  }

  #call<T>(operation: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const { clock, random } = this.#options;
    return withRetries(operation, { ...CALL_RETRIES, isTransient, clock, random, signal });
  }
}

function isTransient(error: unknown): boolean {
  return error instanceof PublishFailure && retryOf(error.fault) === 'soon';
}

/** What reading the state again, or putting blobs again, can mend. */
function isConflict(error: unknown): boolean {
  const rule = error instanceof PublishFailure ? error.rule : undefined;
  return rule === 'generation' || rule === 'replaces' || rule === 'missing-blob';
}

function superseded(theirs: number, ours: number): PublishFailure {
  return new PublishFailure(
    'superseded',
    `another agent of this cluster has taken over (its term is ${theirs}, ours ${ours}): only one agent may publish ` +
      'a cluster; stop one of them, or give them different cluster names',
  );
}
