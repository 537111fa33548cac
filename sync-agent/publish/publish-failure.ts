import type { RefusalRule } from '../../contract/publish-api.ts';

/** Why a table did not reach the edge. */
export type PublishFault =
  /** No connection to the edge, or it broke. */
  | 'unreachable'
  /** No answer from the edge within the call's time. */
  | 'timeout'
  /** The edge answers 5xx or 429. */
  | 'edge-failing'
  /** What answers at the endpoint is not a Fairlead edge, or one of another version. */
  | 'not-an-edge'
  /** The edge is of a release that does not know this call. */
  | 'outdated-edge'
  /** The edge does not take our signature. */
  | 'unauthorized'
  /** The edge does not do what it was asked, and says why: an unknown cluster, a blob that is too large. */
  | 'not-accepted'
  /** The hub refuses the table by one of its rules. */
  | 'refused'
  /** Another agent has taken over: this one must not publish any more. */
  | 'superseded'
  /** The keys that the EdgeGateway names cannot be used. */
  | 'unusable-key'
  /** The store that holds the inbox cannot be reached, or answers 5xx or 429. */
  | 'store-failing'
  /** The store that holds the inbox does not take the token, or does not know what it was asked for. */
  | 'store-refuses'
  /** The inbox does not show the hub yet what was put there. */
  | 'not-arrived'
  /** The edge cannot be asked; the table lies in the inbox until it can. */
  | 'in-inbox';

/**
 * When trying again makes sense: `soon` for what passes by itself, `later` for what somebody has to mend first,
 * `never` for what only another process could do.
 */
export type Retry = 'soon' | 'later' | 'never';

interface FailureDetails {
  readonly rule?: RefusalRule | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** The message is for people: what is wrong, and what to do. It never holds a key or a token. */
export class PublishFailure extends Error {
  override name = 'PublishFailure';
  readonly fault: PublishFault;
  /** The hub's rule, where it refused. */
  readonly rule: RefusalRule | undefined;
  /** How long the other side asks to be left alone, in milliseconds, where it says so. */
  readonly retryAfterMs: number | undefined;

  constructor(fault: PublishFault, message: string, details: FailureDetails = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined);
    this.fault = fault;
    this.rule = details.rule;
    this.retryAfterMs = details.retryAfterMs;
  }
}

export function retryOf(fault: PublishFault): Retry {
  switch (fault) {
    case 'unreachable':
    case 'timeout':
    case 'edge-failing':
    case 'store-failing':
    case 'not-arrived':
    case 'in-inbox':
      return 'soon';
    case 'not-an-edge':
    case 'outdated-edge':
    case 'unauthorized':
    case 'not-accepted':
    case 'refused':
    case 'unusable-key':
    case 'store-refuses':
      return 'later';
    case 'superseded':
      return 'never';
  }
}

/** Whether it passes by itself, so that the same call may be made again. */
export function isTransient(error: unknown): boolean {
  return error instanceof PublishFailure && retryOf(error.fault) === 'soon';
}

/** Whether nothing is known about the edge because it could not be asked. */
export function isSilence(error: unknown): error is PublishFailure {
  if (!(error instanceof PublishFailure)) return false;
  return error.fault === 'unreachable' || error.fault === 'timeout' || error.fault === 'edge-failing';
}
