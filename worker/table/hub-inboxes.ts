import { INBOXES, type Admission, type InboxKind, type InboxNotice } from '../../contract/publish-api.ts';
import { KNOWN_FEATURES } from '../../contract/features.ts';
import { revisionOf } from '../../contract/revision.ts';
import { KNOWN_SCHEMA_VERSIONS } from '../../contract/schema-version.ts';
import { refusalOf, type Fault } from './admission.ts';
import type { VerifiedPush } from './admit-pointer.ts';
import type { InboxOutcome, Refused } from './hub-protocol.ts';
import type { HubStore } from './hub-store.ts';
import type { Inbox, Inboxes, InboxText } from './inbox.ts';
import { takeFromInbox, type Taken } from './take-from-inbox.ts';
import type { TableLog } from './table-log.ts';
import type { TrustedCluster } from './table-settings.ts';

export interface InboxDependencies {
  readonly inboxes: Inboxes;
  readonly store: HubStore;
  readonly log: TableLog;
  /** Whether a text is a pointer that may be admitted, as far as can be told without its blobs. */
  readonly check: (trusted: TrustedCluster, jws: string) => Promise<VerifiedPush | { readonly fault: Fault }>;
  readonly admit: (trusted: TrustedCluster, push: VerifiedPush) => Promise<Admission | Refused>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** How long after one look into the inboxes the next one is due, in milliseconds. */
export const LOOK_EVERY_MS = 60_000;

/** What speaks against a pointer only for as long as hub and inbox are as they are. */
const MAY_HEAL: readonly string[] = ['generation', 'replaces', 'missing-blob'] satisfies Fault['rule'][];

/** Where a look happens: one cluster's part of one inbox. */
interface Place {
  readonly trusted: TrustedCluster;
  readonly kind: InboxKind;
  readonly inbox: Inbox;
}

/** What publishers put into inboxes, fetched and admitted as if it had been pushed. */
export class HubInboxes {
  readonly #use: InboxDependencies;
  readonly #unreadable = new Set<string>();
  /** Clusters of which an isolate found no table since the last look. */
  readonly #missed = new Set<string>();
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(dependencies: InboxDependencies) {
    this.#use = dependencies;
  }

  /** Fetches the revision of which a publisher has said that it is there. */
  async notice(trusted: TrustedCluster, { inbox: kind, revision }: InboxNotice): Promise<InboxOutcome> {
    const { inboxes, store } = this.#use;
    const cluster = trusted.trust.name;
    const inbox = inboxes[kind];
    if (!inbox) return 'no-inbox';
    store.useInbox(cluster, kind);
    const kept = store.pointers(cluster).find((pointer) => pointer.revision === revision);
    const text = kept ?? (await inbox.pointer(cluster, revision));
    if (text === null) return 'not-arrived';
    if (text !== 'too-long' && (await revisionOf(text.jws)) !== revision) {
      const message = `What the inbox holds as revision ${revision} is another document: put it again.`;
      return this.#refused(cluster, { rule: 'signature', message });
    }
    const taken = await this.#take({ trusted, kind, inbox }, text);
    switch (taken.type) {
      case 'incomplete':
        return 'not-arrived';
      case 'refused':
        return this.#refused(cluster, taken.fault);
      case 'complete':
        return this.#admit({ trusted, kind, inbox }, taken);
    }
  }

  /** Looks at what lies in the inboxes without notice, if that is due. Never throws: what fails is tried again. */
  async look(clusters: readonly TrustedCluster[]): Promise<void> {
    if (!this.due()) return;
    const places = this.#places(clusters);
    if (places.length > 0) this.#lookedAt = this.#use.now();
    this.#missed.clear();
    for (const place of places) {
      const name = `${place.kind} ${place.trusted.trust.name}`;
      try {
        await this.#lookAt(place);
        this.#unreadable.delete(name);
      } catch (error) {
        const { kind, trusted } = place;
        const fields = { inbox: kind, cluster: trusted.trust.name, error: String(error) };
        if (!this.#unreadable.has(name)) this.#use.log('warn', 'an inbox cannot be read; trying again', fields);
        this.#unreadable.add(name);
      }
    }
  }

  /** An isolate asked for a table that the hub does not have: it may lie in an inbox. */
  miss(cluster: string): void {
    this.#missed.add(cluster);
  }

  /** Whether so much time has passed; there may still be nothing to look at. */
  due(): boolean {
    return this.#use.now() - this.#lookedAt >= LOOK_EVERY_MS;
  }

  /** When to look, where publishers use inboxes or somebody misses a table; else null. */
  nextLook(clusters: readonly TrustedCluster[]): number | null {
    if (this.#places(clusters).length === 0) return null;
    return Math.max(this.#use.now(), this.#lookedAt + LOOK_EVERY_MS);
  }

  #places(clusters: readonly TrustedCluster[]): Place[] {
    const { inboxes } = this.#use;
    return clusters.flatMap((trusted) =>
      INBOXES.flatMap((kind) => {
        const inbox = inboxes[kind];
        const wanted = this.#used(trusted, kind) || this.#missed.has(trusted.trust.name);
        return inbox && wanted ? [{ trusted, kind, inbox }] : [];
      }),
    );
  }

  /** Redis is configured for nothing else. */
  #used({ trust }: TrustedCluster, kind: InboxKind): boolean {
    return kind === 'UpstashRedis' || this.#use.store.inboxUsed(trust.name, kind);
  }

  async #lookAt(place: Place): Promise<void> {
    const { store, log } = this.#use;
    const { trusted, kind, inbox } = place;
    const cluster = trusted.trust.name;
    const text = await inbox.latest(cluster);
    if (text === null || (text !== 'too-long' && text.jws === store.current(cluster)?.jws)) return;
    const attempt = await attemptName(text, trusted);
    const [lastRule, lastAttempt] = store.refusedOfInbox(cluster, kind)?.split(' ') ?? [];
    if (lastAttempt === attempt && lastRule !== undefined && !MAY_HEAL.includes(lastRule)) return;
    const fault = await this.#tryLatest(place, text);
    store.refuseOfInbox(cluster, kind, fault ? `${fault.rule} ${attempt}` : null);
    if (!fault || (lastAttempt === attempt && lastRule === fault.rule)) return;
    // One that was superseded is nothing to worry about: storage may show it for a minute more.
    const level = fault.rule === 'generation' ? 'info' : 'warn';
    log(level, 'what lies in an inbox is refused', { inbox: kind, cluster, rule: fault.rule, reason: fault.message });
  }

  async #tryLatest(place: Place, text: InboxText): Promise<Fault | undefined> {
    const taken = await this.#take(place, text);
    switch (taken.type) {
      case 'incomplete':
      case 'refused':
        return taken.fault;
      case 'complete': {
        const outcome = await this.#admit(place, taken);
        if ('refused' in outcome) return outcome.refused;
        const { revision } = outcome;
        const fields = { inbox: place.kind, cluster: place.trusted.trust.name, revision };
        this.#use.log('info', 'a table was admitted from an inbox without notice', fields);
        return undefined;
      }
    }
  }

  async #take({ trusted, inbox }: Place, text: InboxText): Promise<Taken> {
    const { store, check, now } = this.#use;
    return takeFromInbox(inbox, text, {
      cluster: trusted.trust.name,
      check: (jws) => check(trusted, jws),
      missing: (hashes) => store.blobs.missing(hashes, now()),
      keep: (sha256, bytes) => store.blobs.put(sha256, bytes.slice().buffer, now()),
    });
  }

  async #admit(
    { trusted, kind, inbox }: Place,
    { push, fetched }: Extract<Taken, { type: 'complete' }>,
  ): Promise<Admission | Refused> {
    const outcome = await this.#use.admit(trusted, push);
    if ('refused' in outcome) return outcome;
    const cluster = trusted.trust.name;
    try {
      await inbox.remove(cluster, push.revision, fetched);
    } catch (error) {
      // What stays there expires.
      this.#use.log('info', 'an inbox cannot be tidied', { inbox: kind, cluster, error: String(error) });
    }
    return outcome;
  }

  #refused(cluster: string, fault: Fault): Refused {
    return { refused: refusalOf(fault, { current: this.#use.store.current(cluster) }) };
  }
}

/** By what a refused pointer is known again: the same text fares better with other rights, or under another build. */
async function attemptName(text: InboxText, { trust }: TrustedCluster): Promise<string> {
  return revisionOf(
    JSON.stringify([text === 'too-long' ? null : text.jws, trust, KNOWN_SCHEMA_VERSIONS, KNOWN_FEATURES]),
  );
}
