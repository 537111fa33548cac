import { toHex } from '../../contract/encoding.ts';
import { Failure } from '../errors.ts';
import type { ServedConsumer, ServedTable } from '../table/served-table.ts';
import { partlyStarted } from '../table/table-unavailable.ts';
import { requirement, tooOld } from './requirement.ts';

/** Who calls. Whether that suffices is the route's business: some ask for no key. */
export type Caller =
  | { readonly type: 'Known'; readonly consumer: ServedConsumer }
  | { readonly type: 'Unknown'; readonly why: Failure };

/** Nobody's key is longer; what is longer is not worth hashing. */
const MAX_KEY_LENGTH = 512;

/** How many keys an isolate remembers. */
const REMEMBERED_KEYS = 4096;

interface RememberedKey {
  readonly digest: Uint8Array;
  readonly hex: string;
  /** The table by which the consumer was found: another table asks again. */
  readonly table: ServedTable;
  readonly consumer: ServedConsumer;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/**
 * Finds the consumer of a key by the key's SHA-256. Keys that were found are remembered, so that a caller's second
 * request costs a look-up in memory; keys that are unknown are not, so that nobody can push out the known ones.
 */
export class Authenticator {
  readonly #now: () => number;
  readonly #remembered = new Map<string, RememberedKey>();

  /** @param now milliseconds since the epoch */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * @returns a promise only where a key is met for the first time
   * @throws {TableUnavailable} where nobody can say whose key it is
   * @throws {Failure} where this worker is too old for the consumer
   */
  authenticate(headers: Headers, table: ServedTable): Caller | Promise<Caller> {
    const key = presentedKey(headers);
    if (key === undefined) return refused('Send your API key as `Authorization: Bearer KEY` or `x-api-key: KEY`.');
    const known = this.#remembered.get(key);
    if (known?.table === table) return this.#unlessExpired(known);
    return this.#lookUp(key, known, table);
  }

  async #lookUp(key: string, known: RememberedKey | undefined, table: ServedTable): Promise<Caller> {
    if (key.length > MAX_KEY_LENGTH) return unknownKey();
    const digest = known?.digest ?? (await sha256(key));
    const hex = known?.hex ?? toHex(digest);
    const consumer = table.hasKey(digest) ? await table.consumer(hex) : undefined;
    if (!consumer) {
      this.#remembered.delete(key);
      if (table.unavailable.length > 0) throw partlyStarted();
      return unknownKey();
    }
    const tooNew = requirement('consumer', consumer.id, consumer);
    if (tooNew !== undefined) throw new Failure('unsupported_feature', tooOld('this API key'), { detail: tooNew });
    const expiresAt = consumer.expiresAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(consumer.expiresAt);
    const found = { digest, hex, table, consumer, expiresAt };
    this.#remember(key, found);
    return this.#unlessExpired(found);
  }

  #remember(key: string, found: RememberedKey): void {
    this.#remembered.delete(key);
    if (this.#remembered.size >= REMEMBERED_KEYS) {
      const [oldest] = this.#remembered.keys();
      if (oldest !== undefined) this.#remembered.delete(oldest);
    }
    this.#remembered.set(key, found);
  }

  /** A time that cannot be read counts as past. */
  #unlessExpired({ consumer, expiresAt }: RememberedKey): Caller {
    if (this.#now() < expiresAt) return { type: 'Known', consumer };
    return refused(`This API key expired at ${consumer.expiresAt}. Ask for a new one.`);
  }
}

function unknownKey(): Caller {
  return refused(
    'This API key is not known here. Check that it is whole, was not revoked, and belongs to this endpoint.',
  );
}

function refused(message: string): Caller {
  return { type: 'Unknown', why: new Failure('invalid_api_key', message) };
}

/** OpenAI's way first, else Anthropic's. */
function presentedKey(headers: Headers): string | undefined {
  const authorization = headers.get('authorization');
  if (authorization !== null && /^bearer /i.test(authorization)) return authorization.slice(7).trim() || undefined;
  return headers.get('x-api-key')?.trim() || undefined;
}

/** The SHA-256 of the request's key, hexadecimal, if it has one that may be somebody's. */
export function digestOfKey(headers: Headers): Promise<string> | undefined {
  const key = presentedKey(headers);
  return key === undefined || key.length > MAX_KEY_LENGTH ? undefined : sha256(key).then(toHex);
}

async function sha256(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
}
