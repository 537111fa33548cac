import { compareGenerations, revisionOf, sameGeneration, signPointer } from '../../contract/revision.ts';
import { SECTION_KINDS, type Generation, type Pointer } from '../../contract/routing-table.ts';
import type { Clock } from '../clock.ts';
import type { Blob } from '../compile/compilation.ts';
import type { Logger } from '../log.ts';
import { holds, type HeldTable, type PointerDraft } from '../plan.ts';
import type { EdgeConversation } from './edge-conversation.ts';
import { isSilence, PublishFailure } from './publish-failure.ts';
import type { EdgeReading, Publisher } from './publisher.ts';
import type { SecretSealer } from './seal-secrets.ts';
import type { SigningIdentity } from './signing-identity.ts';
import type { Inbox, SignedTable, TableCarrier } from './table-carrier.ts';

export interface TablePublisherOptions {
  readonly conversation: EdgeConversation;
  readonly carrier: TableCarrier;
  readonly identity: SigningIdentity;
  readonly sealer: SecretSealer;
  readonly clock: Pick<Clock, 'now'>;
  readonly logger: Logger;
}

/** How often a pass begins anew where the hub's generation or blobs turn out to be others than thought. */
const ROUNDS = 3;

/** What a store has not shown for so long is put again, in milliseconds: KV may take a minute. */
const UNSEEN_MS = 120_000;

interface Leaving {
  readonly inbox: Inbox;
  readonly draft: PointerDraft;
  readonly blobs: readonly Blob[];
  /** Why the edge cannot be asked. */
  readonly silence: PublishFailure;
}

export function createTablePublisher(options: TablePublisherOptions): Publisher {
  return new TablePublisher(options);
}

/**
 * Brings tables to an edge by a carrier. Where the carrier has an inbox, an edge that cannot be asked gets its table
 * all the same: it lies there until the hub looks. What the edge said last counts meanwhile.
 */
class TablePublisher implements Publisher {
  readonly kid: string;
  readonly #options: TablePublisherOptions;
  /** What the edge said last. */
  #reading: EdgeReading | undefined;
  /** Why the edge could not be asked when it was asked last. */
  #silence: PublishFailure | undefined;
  /** What was signed last and is not known to be admitted; it may lie in the inbox. */
  #signed: SignedTable | undefined;

  constructor(options: TablePublisherOptions) {
    this.#options = options;
    this.kid = options.identity.signing.kid;
  }

  async read(signal: AbortSignal): Promise<EdgeReading> {
    const { conversation, carrier, logger } = this.#options;
    try {
      const reading = await conversation.read(signal);
      this.#silence = undefined;
      this.#reading = reading;
      this.#settle(reading.held);
      return reading;
    } catch (error) {
      const last = this.#reading;
      if (!carrier.inbox || !isSilence(error) || conversation.term === undefined || !last) throw error;
      this.#silence = error;
      logger.warn('the edge cannot be asked: changes are left in the inbox', { reason: error.message });
      // Without a signer no plan finds it unchanged, so that `publish` is asked, which knows what else lies there.
      return { ...last, held: last.held && { ...last.held, kid: undefined } };
    }
  }

  readBlobs: Publisher['readBlobs'] = async (hashes, signal) => {
    // What a table takes away cannot be told without them: nothing is left in an inbox unjudged.
    if (this.#silence) throw this.#silence;
    return this.#options.conversation.readBlobs(hashes, signal);
  };

  seal: Publisher['seal'] = (secrets) => this.#options.sealer.seal(secrets);

  publish: Publisher['publish'] = async ({ draft, blobs }, signal) => {
    const { conversation, carrier } = this.#options;
    const { inbox } = carrier;
    if (inbox && this.#silence) return this.#leave({ inbox, draft, blobs, silence: this.#silence }, signal);
    let current = draft;
    let blobsPut = 0;
    for (let round = 1; ; round++) {
      try {
        const missing = await conversation.missing(
          blobs.map(({ sha256 }) => sha256),
          signal,
        );
        const toPut = blobs.filter(({ sha256 }) => missing.has(sha256));
        await carrier.putBlobs(toPut, signal);
        blobsPut += toPut.length;
        return { held: await this.#putPointer(current, signal), blobsPut };
      } catch (error) {
        if (inbox && isSilence(error)) return this.#leave({ inbox, draft: current, blobs, silence: error }, signal);
        const isUnseen = error instanceof PublishFailure && error.fault === 'not-arrived';
        if (!isUnseen && (round === ROUNDS || !isConflict(error, inbox))) throw error;
        const { held } = await this.read(signal);
        // Admitted all the same: by a call whose answer was lost, or because the hub had looked for itself.
        if (held && holds(held, draft, this.kid)) return { held, blobsPut };
        inbox?.forget(isUnseen ? UNSEEN_MS : 0);
        if (isUnseen) throw error;
        current = { ...draft, replaces: held?.pointer.generation ?? null };
      }
    }
  };

  history: Publisher['history'] = (signal) => this.#options.conversation.history(signal);

  probe: Publisher['probe'] = (signal) => this.#options.conversation.probe(signal);

  state: Publisher['state'] = (signal) => this.#options.conversation.state(signal);

  look: Publisher['look'] = (wanted, signal) => this.#options.conversation.look(wanted, signal);

  sendSignals: Publisher['sendSignals'] = (report, signal) => this.#options.conversation.sendSignals(report, signal);

  evict: Publisher['evict'] = async (signal) => {
    await this.#options.conversation.evict(signal);
    this.#reading = undefined;
    this.#signed = undefined;
    this.#options.carrier.inbox?.forget();
  };

  async #putPointer(draft: PointerDraft, signal: AbortSignal): Promise<HeldTable> {
    const { conversation, carrier } = this.#options;
    const last = this.#lastSaying(draft);
    const isSame = last !== undefined && sameGeneration(last.pointer.replaces, draft.replaces);
    const signed = isSame ? last : await this.#sign(draft);
    await carrier.putPointer(signed, signal);
    conversation.admitted(signed.pointer);
    const held = { revision: signed.revision, kid: this.kid, pointer: signed.pointer };
    this.#settle(held);
    if (this.#reading) this.#reading = { ...this.#reading, held };
    return held;
  }

  /**
   * Leaves a table for an edge that cannot be asked, with all blobs that it is not known to have. Nothing is put twice.
   *
   * @throws always: {PublishFailure} `in-inbox`, or the silence itself where the edge holds the table already
   */
  async #leave({ inbox, draft, blobs, silence }: Leaving, signal: AbortSignal): Promise<never> {
    const held = this.#reading?.held ?? null;
    if (!this.#signed && held && holds(held, draft, this.kid)) throw silence;
    const signed = this.#lastSaying(draft) ?? (await this.#sign(await this.#replacing(held, draft, inbox, signal)));
    const known = new Set(SECTION_KINDS.flatMap((kind) => held?.pointer.sections[kind] ?? []));
    await this.#options.carrier.putBlobs(
      blobs.filter(({ sha256 }) => !known.has(sha256)),
      signal,
    );
    await inbox.leave(signed, signal);
    throw new PublishFailure(
      'in-inbox',
      `${silence.message}. Revision ${signed.revision} lies in the inbox (${inbox.name}): the edge admits it when it ` +
        'is back',
      { cause: silence, retryAfterMs: silence.retryAfterMs },
    );
  }

  /** The hub may have fetched the table that was left before: then the next one replaces that. */
  async #replacing(
    held: HeldTable | null,
    draft: PointerDraft,
    inbox: Inbox,
    signal: AbortSignal,
  ): Promise<PointerDraft> {
    const isTaken = this.#signed !== undefined && (await inbox.isTaken(this.#signed, signal));
    const replaced = isTaken ? this.#signed : held;
    return { ...draft, replaces: replaced?.pointer.generation ?? null };
  }

  async #sign(draft: PointerDraft): Promise<SignedTable> {
    const { conversation, clock, identity } = this.#options;
    // Above what may still lie in the inbox: two tables never have one generation.
    const generation = conversation.next(highest(draft.replaces, this.#signed?.pointer.generation ?? null));
    const pointer: Pointer = { ...draft, generation, issuedAt: new Date(clock.now()).toISOString() };
    const jws = await signPointer(pointer, identity.signing);
    this.#signed = { jws, pointer, revision: await revisionOf(jws) };
    return this.#signed;
  }

  /** What was signed last, where it says the same under the term that is held: it may be put again and again. */
  #lastSaying(draft: PointerDraft): SignedTable | undefined {
    const last = this.#signed;
    if (!last || last.pointer.generation.term !== this.#options.conversation.term) return undefined;
    const isSame = holds({ ...last, kid: this.kid }, draft, this.kid);
    return isSame && last.pointer.rollbackOf === draft.rollbackOf ? last : undefined;
  }

  /** Forgets what was signed last once the edge is known to hold it, or something later. */
  #settle(held: HeldTable | null): void {
    if (!this.#signed || !held) return;
    if (compareGenerations(held.pointer.generation, this.#signed.pointer.generation) < 0) return;
    this.#signed = undefined;
    this.#options.carrier.inbox?.forget();
  }
}

function highest(a: Generation | null, b: Generation | null): Generation | null {
  if (!a || !b) return a ?? b;
  return compareGenerations(a, b) >= 0 ? a : b;
}

/** What reading the state again, or putting blobs again, can mend. */
function isConflict(error: unknown, inbox: Inbox | undefined): boolean {
  const rule = error instanceof PublishFailure ? error.rule : undefined;
  switch (rule) {
    case 'generation':
    case 'replaces':
    case 'missing-blob':
      return true;
    case 'signature':
    case 'blob-hash':
    case 'blob-size':
      // In an inbox somebody else may have written.
      return inbox !== undefined;
    case 'edge':
    case 'cluster':
    case 'cluster-uid':
    case 'schema-version':
    case 'blob-schema':
    case 'authority':
    case undefined:
      return false;
  }
}
