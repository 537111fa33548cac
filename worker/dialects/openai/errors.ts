import { statusOf, type Failure } from '../../errors.ts';
import type { UpstreamError } from '../dialect.ts';
import { isObject, textOf } from '../json-object.ts';

/** https://platform.openai.com/docs/guides/error-codes: the SDKs branch on the status, people on `code`. */
export function renderError(failure: Failure): string {
  return JSON.stringify(errorObject(failure));
}

/** The SDKs raise an event whose data has an `error`. */
export function renderStreamError(failure: Failure): string {
  return `data: ${JSON.stringify(errorObject(failure))}\n\n`;
}

function errorObject({ code, message, param }: Failure) {
  return { error: { message, type: typeOf(statusOf(code)), param: param ?? null, code } };
}

function typeOf(status: number): string {
  if (status === 429) return 'rate_limit_error';
  return status < 500 ? 'invalid_request_error' : 'server_error';
}

/** Some providers put the error itself at the top, or give only a sentence. */
export function readError(text: string): UpstreamError {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return { message: undefined, code: undefined };
  }
  return errorOf(isObject(body) ? (body['error'] ?? body) : body);
}

export function errorOf(error: unknown): UpstreamError {
  if (!isObject(error)) return { message: textOf(error), code: undefined };
  const code = error['code'] ?? error['type'];
  const readable = typeof code === 'string' || typeof code === 'number';
  return { message: textOf(error['message']), code: readable ? String(code) : undefined };
}
