import { sha256Hex } from '../../contract/encoding.ts';
import type { ClusterHistory, HubState, ServedRevision } from '../../contract/publish-api.ts';
import { compareGenerations, revisionOf, verifyPointer } from '../../contract/revision.ts';
import { sectionSchemas, type Generation, type Pointer } from '../../contract/routing-table.ts';
import type { SignalReport } from '../../contract/signals.ts';
import { forEachBounded } from '../for-each-bounded.ts';
import type { Sighting, SightingWanted } from '../inference/sighting.ts';
import type { Logger } from '../log.ts';
import type { HeldTable } from '../plan.ts';
import type { Retrying } from './backoff.ts';
import type { EdgeClient } from './edge-client.ts';
import { isTransient, PublishFailure } from './publish-failure.ts';
import type { EdgeReading } from './publisher.ts';
import type { SecretSealer } from './seal-secrets.ts';
import type { SigningIdentity } from './signing-identity.ts';

export interface ConversationOptions {
  readonly client: EdgeClient;
  readonly clusterUid: string;
  readonly identity: SigningIdentity;
  readonly sealer: SecretSealer;
  /** The highest generation that is known of this cluster from elsewhere than the edge. */
  readonly floor: Generation | null;
  readonly retrying: Retrying;
  readonly logger: Logger;
}

/** Blobs read at once. */
const PARALLEL_BLOBS = 4;
/** Hashes in one question: the contract's bound is 20,000. */
const HASHES_PER_QUESTION = 5000;

/** What is said to the edge and heard from it, whichever way its table travels. All methods throw {PublishFailure}. */
export class EdgeConversation {
  readonly #options: ConversationOptions;
  #term: number | undefined;
  /** The highest generation ever seen: the floor of the next claim. */
  #highest: Generation | null;
  /** Bucket hashes of the section `secrets` that have been read back. */
  readonly #readBack = new Set<string>();

  constructor(options: ConversationOptions) {
    this.#options = options;
    this.#highest = options.floor;
  }

  /** The term that was claimed last; none before the first claim and after an eviction. */
  get term(): number | undefined {
    return this.#term;
  }

  /** Takes the term, where it is not held, and reads what the edge holds. */
  async read(signal: AbortSignal): Promise<EdgeReading> {
    if (this.#term === undefined) await this.#claim(signal);
    const state = await this.#mendTerm(await this.state(signal), signal);
    if (state.term > this.#claimed()) throw superseded(state, this.#claimed());
    const held = await this.#heldIn(state);
    if (held) this.#see(held.pointer.generation);
    if (held?.kid !== undefined) await this.#learnSecrets(held.pointer, signal);
    return { held, reads: state.reads };
  }

  async readBlobs(hashes: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Uint8Array>> {
    const { client, logger, retrying } = this.#options;
    const blobs = new Map<string, Uint8Array>();
    await forEachBounded(hashes, PARALLEL_BLOBS, async (hash) => {
      try {
        const bytes = await retrying(() => client.getBlob(hash, signal), signal);
        if ((await sha256Hex(bytes)) === hash) blobs.set(hash, bytes);
        else logger.warn('a blob of the edge is not what its name says', { blob: hash });
      } catch (error) {
        if (!(error instanceof PublishFailure) || isTransient(error)) throw error;
        logger.warn('the edge has lost a blob', { blob: hash, reason: error.message });
      }
    });
    return blobs;
  }

  /** Those of the hashes that the hub does not have. */
  async missing(hashes: readonly string[], signal: AbortSignal): Promise<ReadonlySet<string>> {
    const { client, retrying } = this.#options;
    const missing = new Set<string>();
    for (let at = 0; at < hashes.length; at += HASHES_PER_QUESTION) {
      const asked = hashes.slice(at, at + HASHES_PER_QUESTION);
      for (const hash of await retrying(() => client.missing(asked, signal), signal)) missing.add(hash);
    }
    return missing;
  }

  /** The generation of what comes after a table of ours or of another term. */
  next(after: Generation | null): Generation {
    const term = this.#claimed();
    return { term, sequence: after?.term === term ? after.sequence + 1 : 1 };
  }

  /** The hub has admitted what we signed. */
  admitted({ generation, sections }: Pointer): void {
    this.#see(generation);
    for (const hash of sections.secrets) this.#readBack.add(hash);
  }

  state(signal: AbortSignal): Promise<HubState> {
    return this.#options.retrying(() => this.#options.client.state(signal), signal);
  }

  history(signal: AbortSignal): Promise<ClusterHistory> {
    return this.#options.retrying(() => this.#options.client.history(signal), signal);
  }

  /** Not tried again: who asks this asks again and again. */
  probe(signal: AbortSignal): Promise<ServedRevision> {
    return this.#options.client.probe(signal);
  }

  /** Not tried again, like a probe. */
  async look({ id, entry, secrets, paths }: SightingWanted, signal: AbortSignal): Promise<Sighting> {
    const { client, sealer } = this.#options;
    const sealed = await sealer.sealApart(secrets);
    try {
      return await client.look({ provider: id, entry, secrets: sealed, paths: [...paths] }, signal);
    } catch (error) {
      if (error instanceof PublishFailure && error.fault === 'outdated-edge') return { type: 'Unasked' };
      throw error;
    }
  }

  /** Not tried again: the next report is newer. */
  sendSignals(report: SignalReport, signal: AbortSignal): Promise<void> {
    return this.#options.client.sendSignals(report, signal);
  }

  async evict(signal: AbortSignal): Promise<void> {
    await this.#options.retrying(() => this.#options.client.evict(signal), signal);
    // An eviction ends the term: what comes after it, if anything, begins with a claim.
    this.#term = undefined;
  }

  async #claim(signal: AbortSignal): Promise<void> {
    const { client, clusterUid, logger, retrying } = this.#options;
    const claim = { clusterUid, floor: this.#highest };
    const { term } = await retrying(() => client.claimTerm(claim, signal), signal);
    this.#term = term;
    logger.info('claimed a term', { term });
  }

  /** Claims a new term where nothing could be published under ours any more. */
  async #mendTerm(state: HubState, signal: AbortSignal): Promise<HubState> {
    const { logger } = this.#options;
    const ours = this.#claimed();
    const { floor, current } = state;
    if (state.term < ours)
      logger.warn('the hub has forgotten our term: it was wiped, or restored from an older state', {
        held: state.term,
        ours,
      });
    else if (state.term === ours && floor && compareGenerations(floor, this.next(generationOf(current))) >= 0)
      logger.warn('the edge knows of a newer table than it holds: it was wiped, or the table was evicted', {
        floor: floor.term,
        ours,
      });
    else return state;
    if (floor) this.#see(floor);
    await this.#claim(signal);
    return this.state(signal);
  }

  #claimed(): number {
    if (this.#term === undefined) throw new Error('a term is claimed before it is used');
    return this.#term;
  }

  #see(generation: Generation): void {
    if (this.#highest === null || compareGenerations(generation, this.#highest) > 0) this.#highest = generation;
  }

  async #heldIn({ current, floor }: HubState): Promise<HeldTable | null> {
    if (!current) return null;
    const { verifying } = this.#options.identity;
    const isBehind = floor !== null && compareGenerations(floor, current.pointer.generation) > 0;
    try {
      const pointer = await verifyPointer(current.jws, (kid) => (kid === verifying.kid ? verifying : undefined));
      return { revision: await revisionOf(current.jws), kid: verifying.kid, pointer, isBehind };
    } catch {
      // Another key's, before a rotation, or of another schema: a fact to plan with, not something to believe secrets from.
      return { revision: current.revision, kid: undefined, pointer: current.pointer, isBehind };
    }
  }

  async #learnSecrets({ sections }: Pointer, signal: AbortSignal): Promise<void> {
    const unread = sections.secrets.filter((hash) => !this.#readBack.has(hash));
    const blobs = await this.readBlobs(unread, signal);
    for (const bytes of blobs.values())
      this.#options.sealer.learn(sectionSchemas.secrets.parse(JSON.parse(new TextDecoder().decode(bytes))));
    for (const hash of unread) this.#readBack.add(hash);
  }
}

function generationOf(current: HubState['current']): Generation | null {
  return current?.pointer.generation ?? null;
}

function superseded({ term: theirs, current, floor }: HubState, ours: number): PublishFailure {
  const isEmptied = current === null && floor !== null;
  return new PublishFailure(
    'superseded',
    isEmptied
      ? `what this cluster published was evicted from the edge (its term is ${theirs} now, ours ${ours}): delete the ` +
          'EdgeGateway, or start the agent again to publish anew'
      : `another agent of this cluster has taken over (its term is ${theirs}, ours ${ours}): only one agent may ` +
          'publish a cluster; stop one of them, or give them different cluster names',
  );
}
