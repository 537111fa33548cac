import { Redis, type Requester } from '@upstash/redis';
import * as z from 'zod';
import { INBOX_TTL_SECONDS, redisKey } from '../../contract/storage-keys.ts';
import type { Retrying } from './backoff.ts';
import { excerpt, exchange, NoAnswer, parsedJson, type HttpAnswer, type HttpSurroundings } from './http-exchange.ts';
import type { InboxEntry, InboxStore } from './inbox-carrier.ts';
import { inPortions } from './portions.ts';
import { PublishFailure } from './publish-failure.ts';

/** Redis by Upstash's REST protocol. https://upstash.com/docs/redis/features/restapi */
export interface UpstashRedisOptions extends HttpSurroundings {
  readonly url: string;
  readonly token: string;
  /** Origin: several edges may share one database. */
  readonly edge: string;
  readonly retrying: Retrying;
}

/** A database takes 10 MB a request at least; far below that, because what fails is sent again whole. */
const MOST_BYTES = 900_000;
const MOST_COMMANDS = 1000;
/** What a command has beside key and value, generously. */
const COMMAND_BYTES = 100;

const result = z.object({ result: z.unknown().optional(), error: z.string().optional() });
const answerBody = z.union([z.array(result), result]);

/** @throws {PublishFailure} where the URL is none */
export function createUpstashRedisStore(options: UpstashRedisOptions): InboxStore {
  return new UpstashRedisStore(options, hostOf(options.url));
}

class UpstashRedisStore implements InboxStore {
  readonly kind = 'UpstashRedis';
  readonly name: string;
  readonly #options: UpstashRedisOptions;

  constructor(options: UpstashRedisOptions, host: string) {
    this.#options = options;
    this.name = `the Redis database ${host}`;
  }

  async put(entries: readonly InboxEntry[], signal: AbortSignal): Promise<void> {
    const { edge, retrying } = this.#options;
    const values = entries.map((entry) => ({
      key: redisKey(edge, entry.key),
      value: 'text' in entry ? entry.text : Buffer.from(entry.bytes).toString('base64'),
    }));
    const limits = { count: MOST_COMMANDS, bytes: MOST_BYTES };
    for (const portion of inPortions(values, ({ key, value }) => key.length + value.length + COMMAND_BYTES, limits))
      await retrying(async () => {
        const pipeline = this.#redis(signal).pipeline();
        for (const { key, value } of portion) pipeline.set(key, value, { ex: INBOX_TTL_SECONDS });
        await pipeline.exec();
      }, signal);
  }

  async has(key: string, signal: AbortSignal): Promise<boolean> {
    const { edge, retrying } = this.#options;
    return (await retrying(() => this.#redis(signal).exists(redisKey(edge, key)), signal)) > 0;
  }

  /**
   * The SDK speaks the commands; the transport is ours. Its own sends twice where it is told not to retry, hides status
   * and Retry-After, and quotes whole commands in its errors.
   */
  #redis(signal: AbortSignal): Redis {
    const requester: Requester = {
      request: async ({ path = [], body }) => {
        const answer = await this.#send(path, new TextEncoder().encode(JSON.stringify(body)), signal);
        const parsed = answerBody.safeParse(parsedJson(answer.bytes)).data;
        const error = [parsed].flat().find((item) => item?.error !== undefined)?.error;
        if (error !== undefined || !parsed || answer.status !== 200) throw this.#failure(answer, error);
        return JSON.parse(new TextDecoder().decode(answer.bytes));
      },
    };
    return new Redis(requester);
  }

  async #send(path: readonly string[], body: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<HttpAnswer> {
    const { url, token } = this.#options;
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    try {
      const target = new URL([url.replace(/\/$/, ''), ...path].join('/'));
      return await exchange({ method: 'POST', url: target, headers, body }, this.#options, signal);
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      throw new PublishFailure(
        'store-failing',
        `${this.name} ${error.message}: check EdgeGateway.spec.publish.upstashRedis.url`,
        { cause: error },
      );
    }
  }

  #failure({ status, bytes, retryAfterMs }: HttpAnswer, error: string | undefined): PublishFailure {
    const { token } = this.#options;
    const said = error?.replaceAll(token, '…').slice(0, 160) ?? excerpt(bytes, token);
    const why = `(${status}, ${said})`;
    if (status === 429 || status >= 500 || PASSING.test(said))
      return new PublishFailure('store-failing', `${this.name} takes nothing just now ${why}`, { retryAfterMs });
    if (status === 401 || status === 403)
      return new PublishFailure(
        'store-refuses',
        `${this.name} does not take the token ${why}: tokenSecretRef of EdgeGateway.spec.publish.upstashRedis must ` +
          "name this database's UPSTASH_REDIS_REST_TOKEN",
      );
    if (NOT_PERMITTED.test(said))
      return new PublishFailure(
        'store-refuses',
        `${this.name} does not let this token write ${why}: a read-only token does not do, a user needs SET and ` +
          'EXISTS on the keys fairlead:*',
      );
    if (error === undefined)
      return new PublishFailure(
        'store-refuses',
        `what answers for ${this.name} does not speak Upstash's REST protocol ${why}: ` +
          'EdgeGateway.spec.publish.upstashRedis.url must be its UPSTASH_REDIS_REST_URL',
      );
    return new PublishFailure('store-refuses', `${this.name} does not take the table ${why}`);
  }
}

/** Errors of Redis that pass by themselves, and those of rights: https://redis.io/docs/latest/develop/reference/protocol-spec/ */
const PASSING = /^(OOM|LOADING|BUSY|TRYAGAIN|CLUSTERDOWN|MASTERDOWN)\b/;
const NOT_PERMITTED = /^(NOPERM|READONLY)\b/;

function hostOf(url: string): string {
  const { protocol, host } = URL.parse(url) ?? {};
  if (host !== undefined && (protocol === 'https:' || protocol === 'http:')) return host;
  throw new PublishFailure(
    'store-refuses',
    'EdgeGateway.spec.publish.upstashRedis.url is no URL: it must be the UPSTASH_REDIS_REST_URL of the database, as ' +
      'https://….upstash.io',
  );
}
