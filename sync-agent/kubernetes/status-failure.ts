import { z } from 'zod';
import { retryAfterMs } from '../publish/retry-after.ts';
import { ApiFailure } from './api.ts';

/** What the API server answers in place of what it was asked for (`kind: Status` of meta/v1), also inside a watch. */
const statusObject = z.object({
  kind: z.literal('Status'),
  message: z.string().optional(),
  reason: z.string().optional(),
  code: z.number().optional(),
  details: z.object({ retryAfterSeconds: z.number().optional() }).optional(),
});

export interface FailedAnswer {
  /** HTTP status. */
  readonly status: number;
  /** The header `Retry-After`. */
  readonly retryAfter: string | null;
  readonly body: unknown;
}

/** @param asked what was asked, as `GET /api/v1/namespaces` @param now milliseconds since the epoch */
export function failureOf(asked: string, { status, retryAfter, body }: FailedAnswer, now: number): ApiFailure {
  const said = statusObject.safeParse(body).data;
  const seconds = said?.details?.retryAfterSeconds;
  const words =
    said?.message ?? (typeof body === 'string' && body !== '' ? body.slice(0, 200).trim() : 'no reason given');
  return new ApiFailure(`${asked}: ${words} (${status}${said?.reason ? ` ${said.reason}` : ''})`, {
    status,
    reason: said?.reason ?? '',
    retryAfterMs: retryAfterMs(retryAfter, now) ?? (seconds === undefined ? undefined : seconds * 1000),
  });
}

/** Of an `ERROR` event, whose object is a Status. */
export function failureInWatch(asked: string, object: unknown): ApiFailure {
  const { code } = statusObject.safeParse(object).data ?? {};
  return failureOf(asked, { status: code ?? 500, retryAfter: null, body: object }, 0);
}
