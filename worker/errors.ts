/**
 * Everything that can go wrong with a caller's request, as a closed list. A code gives the status and whether trying
 * again may help; the caller's dialect gives the body (dialects/<dialect>/errors.ts).
 */
export const FAILURE_CODES = [
  'invalid_json',
  'invalid_request',
  'unsupported_operation',
  'invalid_api_key',
  'model_not_allowed',
  'model_not_found',
  'not_found',
  'method_not_allowed',
  'request_too_large',
  'unsupported_content_encoding',
  'client_closed_request',
  'internal_error',
  'misconfigured',
  'unsupported_feature',
  'not_ready',
  'no_backend',
  'upstream_rate_limited',
  'upstream_refused_credentials',
  'upstream_misconfigured',
  'upstream_failed',
  'upstream_timeout',
  'upstream_interrupted',
] as const;
export type FailureCode = (typeof FAILURE_CODES)[number];

export interface FailureDetails {
  /** The parameter at fault, by its name in the request. */
  readonly param?: string;
  /** Seconds, for the header `retry-after`. */
  readonly retryAfter?: number;
  /** What failed may only not be up yet: no connection, or a status that says so of what is behind (refusal.ts). */
  readonly mayBeStarting?: boolean;
  /** The method that the endpoint has, for the header `allow`. */
  readonly allow?: string;
  /** For the log only: what the operator needs and the caller must not see. Never content or a secret. */
  readonly detail?: string;
  readonly cause?: unknown;
}

/** What becomes an error response, or an error inside a stream. The message is for the caller, and says what to do. */
export class Failure extends Error {
  override name = 'Failure';
  readonly code: FailureCode;
  readonly param: string | undefined;
  readonly retryAfter: number | undefined;
  readonly mayBeStarting: boolean;
  readonly allow: string | undefined;
  readonly detail: string | undefined;

  constructor(code: FailureCode, message: string, details: FailureDetails = {}) {
    const { param, retryAfter, mayBeStarting = false, allow, detail, cause } = details;
    super(message, { cause });
    this.code = code;
    this.param = param;
    this.retryAfter = retryAfter;
    this.mayBeStarting = mayBeStarting;
    this.allow = allow;
    this.detail = detail;
  }
}

export function statusOf(code: FailureCode): number {
  switch (code) {
    case 'invalid_json':
    case 'invalid_request':
    case 'unsupported_operation':
      return 400;
    case 'invalid_api_key':
      return 401;
    case 'model_not_allowed':
      return 403;
    case 'model_not_found':
    case 'not_found':
      return 404;
    case 'method_not_allowed':
      return 405;
    case 'request_too_large':
      return 413;
    case 'unsupported_content_encoding':
      return 415;
    case 'upstream_rate_limited':
      return 429;
    case 'client_closed_request':
      return 499;
    case 'internal_error':
    case 'misconfigured':
    case 'unsupported_feature':
      return 500;
    case 'upstream_refused_credentials':
    case 'upstream_misconfigured':
    case 'upstream_failed':
    case 'upstream_interrupted':
      return 502;
    case 'not_ready':
    case 'no_backend':
      return 503;
    case 'upstream_timeout':
      return 504;
  }
}

/** Whether the same request may succeed later without anybody mending anything. */
export function isWorthRetrying(code: FailureCode): boolean {
  switch (code) {
    case 'internal_error':
    case 'not_ready':
    case 'upstream_rate_limited':
    case 'upstream_failed':
    case 'upstream_timeout':
    case 'upstream_interrupted':
      return true;
    case 'invalid_json':
    case 'invalid_request':
    case 'unsupported_operation':
    case 'invalid_api_key':
    case 'model_not_allowed':
    case 'model_not_found':
    case 'not_found':
    case 'method_not_allowed':
    case 'request_too_large':
    case 'unsupported_content_encoding':
    case 'client_closed_request':
    case 'misconfigured':
    case 'unsupported_feature':
    case 'no_backend':
    case 'upstream_refused_credentials':
    case 'upstream_misconfigured':
      return false;
  }
}

/** What was thrown, as a failure: anything unforeseen is an internal error, of which the caller learns nothing. */
export function asFailure(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  return new Failure('internal_error', 'The gateway failed to answer. Try again; tell its operator if that persists.', {
    detail: thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown),
    cause: thrown,
  });
}
