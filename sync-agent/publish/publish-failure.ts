import type { RefusalRule } from '../../contract/publish-api.ts';

/** Why a table did not reach the edge. */
export type PublishFault =
  /** No connection, or it broke. */
  | 'unreachable'
  /** No answer within the call's time. */
  | 'timeout'
  /** The edge answers 5xx or 429. */
  | 'edge-failing'
  /** What answers at the endpoint is not a Fairlead edge, or one of another version. */
  | 'not-an-edge'
  /** The edge does not take our signature. */
  | 'unauthorized'
  /** The edge does not do what it was asked, and says why: an unknown cluster, a blob that is too large. */
  | 'not-accepted'
  /** The hub refuses the table by one of its rules. */
  | 'refused'
  /** Another agent has taken over: this one must not publish any more. */
  | 'superseded'
  /** The keys that the EdgeGateway names cannot be used. */
  | 'unusable-key';

/**
 * When trying again makes sense: `soon` for what passes by itself, `later` for what somebody has to mend first,
 * `never` for what only another process could do.
 */
export type Retry = 'soon' | 'later' | 'never';

/** The message is for people: what is wrong, and what to do. */
export class PublishFailure extends Error {
  override name = 'PublishFailure';
  readonly fault: PublishFault;
  /** The hub's rule, where it refused. */
  readonly rule: RefusalRule | undefined;

  constructor(fault: PublishFault, message: string, details: { rule?: RefusalRule; cause?: unknown } = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined);
    this.fault = fault;
    this.rule = details.rule;
  }
}

export function retryOf(fault: PublishFault): Retry {
  switch (fault) {
    case 'unreachable':
    case 'timeout':
    case 'edge-failing':
      return 'soon';
    case 'not-an-edge':
    case 'unauthorized':
    case 'not-accepted':
    case 'refused':
    case 'unusable-key':
      return 'later';
    case 'superseded':
      return 'never';
  }
}
