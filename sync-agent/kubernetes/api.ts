import type { Json } from '../../contract/canonical-json.ts';

/** One API server: every call goes over one dispatcher, with the credentials of the moment. */
export interface KubernetesApi {
  /** The namespace of the kubeconfig's context or of the pod; `default` where neither says one. */
  readonly namespace: string;
  /** The parsed body; undefined where it is empty. @throws {ApiFailure}, or the signal's reason */
  call(request: ApiRequest, signal: AbortSignal): Promise<unknown>;
  /** The body as it comes. @throws {ApiFailure} where the answer is no 2xx; what breaks later breaks the iteration */
  stream(request: ApiRequest, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** Ends all connections. */
  close(): Promise<void>;
}

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Without query. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: Json;
  /** Absent: `application/json`. */
  readonly contentType?: PatchType;
  /** How long a `call` may take, in milliseconds; absent: 30 s. */
  readonly timeoutMs?: number;
}

export type PatchType =
  | 'application/apply-patch+yaml'
  | 'application/merge-patch+json'
  | 'application/strategic-merge-patch+json'
  | 'application/json-patch+json';

/** The API server did not do what it was asked, or did not answer. */
export class ApiFailure extends Error {
  override name = 'ApiFailure';
  /** HTTP status; 0 where there was no answer. */
  readonly status: number;
  /** `reason` of the Status that was answered, such as NotFound, Forbidden, Conflict, Expired; empty where there was none. */
  readonly reason: string;
  /** What the server asks to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    facts: { readonly status: number; readonly reason?: string; readonly retryAfterMs?: number | undefined },
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.status = facts.status;
    this.reason = facts.reason ?? '';
    this.retryAfterMs = facts.retryAfterMs;
  }
}

/** Whether somebody lacks a right, which somebody else can give. */
export function isForbidden(error: unknown): boolean {
  return error instanceof ApiFailure && error.status === 403;
}
