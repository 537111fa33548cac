import * as z from 'zod';
import { INBOX_TTL_SECONDS } from '../../contract/storage-keys.ts';
import { LONGEST_STANDSTILL_MS, type Retrying } from './backoff.ts';
import { excerpt, exchange, NoAnswer, parsedJson, type HttpAnswer, type HttpSurroundings } from './http-exchange.ts';
import type { InboxEntry, InboxStore } from './inbox-carrier.ts';
import { inPortions } from './portions.ts';
import { PublishFailure } from './publish-failure.ts';

/**
 * Workers KV by Cloudflare's REST API. Its limits: 10,000 pairs and 100 MB a bulk write, one write a second for each
 * key, 1,200 requests in five minutes (more: all are refused for five minutes).
 * https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/methods/bulk_update/
 */
export interface CloudflareKvOptions extends HttpSurroundings {
  readonly accountId: string;
  readonly namespaceId: string;
  readonly apiToken: string;
  readonly apiURL?: string | undefined;
  readonly retrying: Retrying;
}

const API_URL = 'https://api.cloudflare.com/client/v4';
const MOST_PAIRS = 10_000;
/** Far below the limit: what fails is sent again whole. */
const MOST_BYTES = 16 * 1024 * 1024;
/** What a pair has beside key and value, generously. */
const PAIR_BYTES = 100;
const KEY_PAUSE_MS = 1000;

/** Cloudflare's envelope, as far as it matters. */
const envelope = z.object({
  success: z.boolean(),
  errors: z.array(z.object({ code: z.number(), message: z.string() })).default([]),
});
const bulkResult = envelope.extend({
  result: z.object({ unsuccessful_keys: z.array(z.string()).optional() }).nullish(),
});

export function createCloudflareKvStore(options: CloudflareKvOptions): InboxStore {
  return new CloudflareKvStore(options);
}

class CloudflareKvStore implements InboxStore {
  readonly kind = 'CloudflareKV';
  readonly name: string;
  readonly #options: CloudflareKvOptions;
  /** When keys were written that may be written again. */
  readonly #written = new Map<string, number>();
  /** Until when the API is left alone, because it asked for longer than a pass stands still. */
  #blockedUntil = 0;

  constructor(options: CloudflareKvOptions) {
    this.#options = options;
    this.name = `the KV namespace ${options.namespaceId}`;
  }

  async put(entries: readonly InboxEntry[], signal: AbortSignal): Promise<void> {
    const pairs = entries.map((entry) => ({
      key: entry.key,
      value: Buffer.from('text' in entry ? entry.text : entry.bytes).toString('base64'),
      base64: true,
      expiration_ttl: INBOX_TTL_SECONDS,
    }));
    const limits = { count: MOST_PAIRS, bytes: MOST_BYTES };
    for (const portion of inPortions(pairs, ({ key, value }) => key.length + value.length + PAIR_BYTES, limits))
      await this.#putPortion(portion, signal);
  }

  async has(key: string, signal: AbortSignal): Promise<boolean> {
    const answer = await this.#options.retrying(
      () => this.#send('GET', `values/${encodeURIComponent(key)}`, signal),
      signal,
    );
    return answer.status !== 404;
  }

  async #putPortion(portion: readonly { readonly key: string }[], signal: AbortSignal): Promise<void> {
    let left = portion;
    await this.#options.retrying(async () => {
      await this.#pauseFor(left, signal);
      const answer = await this.#send('PUT', 'bulk', signal, left);
      const parsed = bulkResult.safeParse(parsedJson(answer.bytes));
      if (!parsed.success || !parsed.data.success) throw this.#failure(answer);
      for (const { key } of left) this.#written.set(key, this.#options.clock.now());
      const failed = new Set(parsed.data.result?.unsuccessful_keys);
      left = left.filter(({ key }) => failed.has(key));
      if (left.length > 0)
        throw new PublishFailure('store-failing', `${this.name} did not take ${left.length} of ${portion.length} keys`);
    }, signal);
  }

  /** Waits until none of the keys was written within the last second. */
  async #pauseFor(pairs: readonly { readonly key: string }[], signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const now = clock.now();
    for (const [key, at] of this.#written) if (at + KEY_PAUSE_MS <= now) this.#written.delete(key);
    const latest = Math.max(0, ...pairs.map(({ key }) => this.#written.get(key) ?? 0));
    if (latest > 0) await clock.wait(latest + KEY_PAUSE_MS - now, signal);
  }

  async #send(method: 'GET' | 'PUT', path: string, signal: AbortSignal, body?: unknown): Promise<HttpAnswer> {
    const { apiURL = API_URL, accountId, namespaceId, apiToken, clock } = this.#options;
    const restMs = this.#blockedUntil - clock.now();
    if (restMs > 0)
      throw new PublishFailure(
        'store-failing',
        `Cloudflare's API asked to be left alone until ${new Date(this.#blockedUntil).toISOString()}`,
        { retryAfterMs: restMs },
      );
    const url = new URL(
      `${apiURL.replace(/\/$/, '')}/accounts/${encodeURIComponent(accountId)}/storage/kv/namespaces/` +
        `${encodeURIComponent(namespaceId)}/${path}`,
    );
    const headers = { authorization: `Bearer ${apiToken}`, 'content-type': 'application/json' };
    const bytes = body === undefined ? undefined : new TextEncoder().encode(JSON.stringify(body));
    let answer: HttpAnswer;
    try {
      answer = await exchange({ method, url, headers, body: bytes }, this.#options, signal);
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      throw new PublishFailure('store-failing', `Cloudflare's API (${url.origin}) ${error.message}`, { cause: error });
    }
    const isKnownMissing = method === 'GET' && answer.status === 404 && codesIn(answer).includes(KEY_NOT_FOUND);
    if ((answer.status >= 200 && answer.status < 300) || isKnownMissing) return answer;
    const { retryAfterMs = 0 } = answer;
    if (retryAfterMs > LONGEST_STANDSTILL_MS) this.#blockedUntil = clock.now() + retryAfterMs;
    throw this.#failure(answer);
  }

  #failure({ status, bytes, retryAfterMs }: HttpAnswer): PublishFailure {
    const { accountId, namespaceId, apiToken } = this.#options;
    const errors = envelope.safeParse(parsedJson(bytes)).data?.errors ?? [];
    const said = errors.map(({ code, message }) => `${code}: ${message}`).join('; ') || excerpt(bytes, apiToken);
    const why = `(${status}, ${said.replaceAll(apiToken, '…')})`;
    const has = (...codes: number[]) => errors.some(({ code }) => codes.includes(code));
    if (status === 429)
      return new PublishFailure('store-failing', `Cloudflare takes no more requests just now ${why}`, { retryAfterMs });
    if (status >= 500) return new PublishFailure('store-failing', `Cloudflare's API fails ${why}`, { retryAfterMs });
    if (status === 401 || status === 403 || has(...TOKEN_REFUSED))
      return new PublishFailure(
        'store-refuses',
        `Cloudflare does not take the API token for ${this.name} ${why}: apiTokenSecretRef of ` +
          'EdgeGateway.spec.publish.cloudflareKV must name a token with the permission Workers KV Storage: Edit on the ' +
          `account ${accountId}`,
      );
    if (status === 404 || has(...NAMESPACE_UNKNOWN))
      return new PublishFailure(
        'store-refuses',
        `Cloudflare knows no KV namespace ${namespaceId} in the account ${accountId} ${why}: both, of ` +
          'EdgeGateway.spec.publish.cloudflareKV, must be those of the namespace that the worker binds as TABLE_KV',
      );
    return new PublishFailure('store-refuses', `Cloudflare does not take what was put into ${this.name} ${why}`);
  }
}

/** Cloudflare's error codes. The text beside them is what people read; a code only chooses the advice. */
const KEY_NOT_FOUND = 10009;
const NAMESPACE_UNKNOWN = [10013, 7003];
const TOKEN_REFUSED = [10000, 9109, 9106, 6003, 6111];

function codesIn({ bytes }: HttpAnswer): number[] {
  return (envelope.safeParse(parsedJson(bytes)).data?.errors ?? []).map(({ code }) => code);
}
