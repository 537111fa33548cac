/** What nobody waits beyond: a header is not worth an agent that sleeps for a day. */
const LONGEST_MS = 10 * 60_000;

/**
 * What a `Retry-After` header asks for, in milliseconds from now: seconds or an HTTP date (RFC 9110, 10.2.3), at most
 * ten minutes. Undefined where there is none, or nonsense.
 *
 * @param now milliseconds since the epoch
 */
export function retryAfterMs(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  const text = header.trim();
  const isDate = /^[A-Z][a-z]{2}, \d/.test(text);
  const ms = isDate ? Date.parse(text) - now : /^\d+$/.test(text) ? Number(text) * 1000 : Number.NaN;
  return Number.isNaN(ms) ? undefined : Math.min(LONGEST_MS, Math.max(0, ms));
}
