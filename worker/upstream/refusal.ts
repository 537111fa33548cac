import type { UpstreamSide } from '../dialects/dialect.ts';
import { Failure } from '../errors.ts';
import type { Candidate } from '../pipeline/list-candidates.ts';
import { collect } from '../streaming/collect-bytes.ts';

const MAX_BYTES = 1024 * 1024;
const MAX_DETAIL_LENGTH = 500;
/** Nobody there to answer, by what stands before it; from 521 on that is Cloudflare, of an origin or a tunnel. */
const ABSENT: ReadonlySet<number> = new Set([502, 503, 504, 521, 522, 523, 524, 530]);

/**
 * What an answer without success means. One that finds fault with the request is the caller's: its body is returned, to
 * be passed on.
 *
 * @param secrets what was sent along, and must come back neither in a log nor to the caller
 * @param now milliseconds since the epoch
 * @throws {Failure} for everything that is the upstream's fault, or the operator's
 */
export async function refusalOf(
  response: Response,
  { providerId }: Pick<Candidate, 'providerId'>,
  secrets: readonly string[],
  upstream: UpstreamSide,
  now: () => number,
): Promise<Uint8Array> {
  const { status } = response;
  const body = (response.body && (await collect(response.body, MAX_BYTES))) ?? new Uint8Array();
  const text = new TextDecoder().decode(body);
  const error = upstream.readError(text);
  const said = `status ${status}${error.code === undefined ? '' : `, code ${error.code}`}`;
  if (status === 401 || status === 403)
    throw new Failure(
      'upstream_refused_credentials',
      `The provider ${providerId} refused this gateway's credentials. Only its operator can mend that.`,
      { detail: redacted(error.message === undefined ? said : `${said}: ${error.message}`, secrets) },
    );
  if (status === 429)
    throw new Failure(
      'upstream_rate_limited',
      `The provider ${providerId} limits requests at the moment. Try again later.`,
      {
        ...retryAfterOf(response.headers, now),
        detail: redacted(said, secrets),
      },
    );
  if (status === 408)
    throw new Failure('upstream_timeout', `The provider ${providerId} gave up waiting. Try again.`, {
      detail: redacted(said, secrets),
    });
  if (status >= 500)
    throw new Failure('upstream_failed', `The provider ${providerId} failed with status ${status}. Try again.`, {
      ...retryAfterOf(response.headers, now),
      mayBeStarting: ABSENT.has(status),
      detail: redacted(said, secrets),
    });
  if (status < 400)
    throw new Failure(
      'upstream_failed',
      `The provider ${providerId} did not answer the request: it sent a redirect, which is not followed.`,
      {
        detail: redacted(said, secrets),
      },
    );
  const harmless = withoutSecrets(text, secrets);
  return harmless === text ? body : new TextEncoder().encode(harmless);
}

/** In seconds, whichever way it is said: `retry-after` may be a date (RFC 9110, 10.2.3). A past one says nothing. */
function retryAfterOf(headers: Headers, now: () => number): { retryAfter?: number } {
  const milliseconds = headers.get('retry-after-ms');
  const text = headers.get('retry-after');
  const seconds = milliseconds === null ? secondsOf(text ?? '', now) : Number(milliseconds) / 1000;
  return Number.isFinite(seconds) && seconds >= 0 ? { retryAfter: Math.ceil(seconds) } : {};
}

function secondsOf(text: string, now: () => number): number {
  if (/^-?[\d.]+$/.test(text)) return Number(text);
  return (Date.parse(text) - now()) / 1000;
}

/** Providers quote the key that they refuse, some of them whole. */
function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((rest, secret) => (secret === '' ? rest : rest.replaceAll(secret, '[secret]')), text);
}

function redacted(text: string, secrets: readonly string[]): string {
  return withoutSecrets(text, secrets)
    .replaceAll(/\b(?:sk|gsk|key|pk)-[\w*.-]{6,}/g, '[secret]')
    .slice(0, MAX_DETAIL_LENGTH);
}
