import { microTime } from '../micro-time.ts';
import { isSameRecord, type Lease, type LeaseRecord } from './lease.ts';

/** Milliseconds, as client-go's defaults. */
export interface ElectionTiming {
  /** How long others leave a Lease alone after they saw it change. */
  readonly leaseMs: number;
  /** How long a leader leads after the last renewal that went through was sent; less than `leaseMs`. */
  readonly renewDeadlineMs: number;
  /** Between two looks at the Lease. */
  readonly retryMs: number;
}

export const ELECTION_TIMING: ElectionTiming = { leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 };

/** What one candidate knows. All times are of its own monotonic clock, in milliseconds. */
export interface ElectionState {
  /** What it saw last of the Lease. */
  readonly seen: SeenLease | undefined;
  /** Whether the Lease may be another by now, so that it must be read before anything is written. */
  readonly mustRead: boolean;
  /** Until when it leads by its own clock; undefined: it does not. */
  readonly leadsUntil: number | undefined;
}

interface SeenLease {
  /** Undefined: there is none. */
  readonly lease: Lease | undefined;
  /** How long the last hold of another that was seen holds by our clock. */
  readonly anothersUntil: number | undefined;
}

export type ElectionAction =
  | ElectionCall
  /** Nothing for now: look again later. */
  | { readonly type: 'Wait' };

export type ElectionCall =
  | { readonly type: 'Read' }
  | { readonly type: 'Create'; readonly record: LeaseRecord }
  | { readonly type: 'Replace'; readonly record: LeaseRecord; readonly resourceVersion: string };

export type ElectionAnswer =
  /** What a Read found; undefined: there is no Lease. */
  | { readonly type: 'Found'; readonly lease: Lease | undefined }
  /** A Create or Replace went through. @property sentAt monotonic, when it was sent */
  | { readonly type: 'Written'; readonly lease: Lease; readonly sentAt: number }
  /** The Lease is another than it was thought to be, or nothing is known of what became of the call. */
  | { readonly type: 'Failed' };

export const BEGINNING: ElectionState = { seen: undefined, mustRead: true, leadsUntil: undefined };

export interface Candidate {
  readonly identity: string;
  readonly timing: ElectionTiming;
}

/**
 * What a candidate does next.
 *
 * | the Lease                                                       | then               |
 * |-----------------------------------------------------------------|--------------------|
 * | may have changed                                                | read it            |
 * | is not there, and was not seen to be held lately by another     | create it          |
 * | is held by us                                                   | renew it           |
 * | is held by nobody                                               | take it            |
 * | is held by another, and has changed within its duration         | wait               |
 * | is held by another, and has not                                 | take it            |
 *
 * Whether it has changed is seen by the local clock since the record last looked different, never by what stands in it.
 *
 * @param now monotonic, in milliseconds
 * @param wallNow milliseconds since the epoch, for people
 */
export function decide(state: ElectionState, candidate: Candidate, now: number, wallNow: number): ElectionAction {
  const { seen, mustRead } = state;
  if (mustRead || !seen) return { type: 'Read' };
  const { lease, anothersUntil } = seen;
  if (anothersUntil !== undefined && now < anothersUntil) return { type: 'Wait' };
  const record = recordOf(lease?.record, candidate, wallNow);
  return lease ? { type: 'Replace', record, resourceVersion: lease.resourceVersion } : { type: 'Create', record };
}

/** What a candidate knows after an answer. @param now monotonic, when the answer came */
export function afterAnswer(
  state: ElectionState,
  answer: ElectionAnswer,
  candidate: Candidate,
  now: number,
): ElectionState {
  const { identity, timing } = candidate;
  switch (answer.type) {
    case 'Found': {
      const seen = see(state.seen, answer.lease, candidate, now);
      const isAnothers = answer.lease !== undefined && answer.lease.record.holder !== identity;
      return { seen, mustRead: false, leadsUntil: isAnothers ? undefined : state.leadsUntil };
    }
    case 'Written': {
      const { lease, sentAt } = answer;
      const leadsUntil = lease.record.holder === identity ? sentAt + timing.renewDeadlineMs : undefined;
      return { seen: see(state.seen, lease, candidate, now), mustRead: false, leadsUntil };
    }
    case 'Failed':
      return { ...state, mustRead: true };
  }
}

/** After a wait: a leader knows what the Lease looks like, others must look. */
export function afterWait(state: ElectionState): ElectionState {
  return { ...state, mustRead: state.mustRead || state.leadsUntil === undefined };
}

export function leads({ leadsUntil }: ElectionState, now: number): boolean {
  return leadsUntil !== undefined && now < leadsUntil;
}

/** How a leader gives the Lease back, so that the next need not wait; undefined where it is not ours to give. */
export function releasing(state: ElectionState, identity: string, wallNow: number): ElectionCall | undefined {
  const lease = state.seen?.lease;
  if (!lease || lease.record.holder !== identity) return undefined;
  const record = { ...lease.record, holder: '', durationSeconds: 1, renewedAt: microTime(wallNow) };
  return { type: 'Replace', record, resourceVersion: lease.resourceVersion };
}

/** A Lease that was deleted is still another's, who may not know it yet: as long as it would have been. */
function see(
  before: SeenLease | undefined,
  lease: Lease | undefined,
  { identity, timing }: Candidate,
  now: number,
): SeenLease {
  const anothersUntil = before?.anothersUntil;
  if (!lease) return { lease, anothersUntil };
  const { holder, durationSeconds } = lease.record;
  const isAsBefore = before?.lease !== undefined && isSameRecord(before.lease.record, lease.record);
  // A call of ours that was given up may have gone through late, after the Lease was deleted under another.
  if (isAsBefore || holder === identity) return { lease, anothersUntil };
  // Whoever gave it back no longer leads.
  if (holder === '') return { lease, anothersUntil: undefined };
  return { lease, anothersUntil: now + Math.max(timing.leaseMs, durationSeconds * 1000) };
}

function recordOf(before: LeaseRecord | undefined, { identity, timing }: Candidate, wallNow: number): LeaseRecord {
  const isOurs = before?.holder === identity;
  const time = microTime(wallNow);
  return {
    holder: identity,
    durationSeconds: Math.round(timing.leaseMs / 1000),
    acquiredAt: isOurs ? before.acquiredAt : time,
    renewedAt: time,
    transitions: (before?.transitions ?? 0) + (isOurs || !before ? 0 : 1),
  };
}
