import type { Clock } from '../clock.ts';
import type { ClusterAccess, Credentials } from './cluster-access.ts';

/** How long credentials are used before they are read again, in milliseconds: tokens are replaced long before they expire. */
const LIFE_MS = 60_000;

/** Credentials that rotate: read once a minute at most, and at once where they are refused. */
export class RenewedCredentials {
  readonly #access: Pick<ClusterAccess, 'read'>;
  readonly #clock: Pick<Clock, 'now'>;
  #held: { readonly credentials: Credentials; readonly readAt: number } | undefined;
  #reading: Promise<Credentials> | undefined;

  constructor(access: Pick<ClusterAccess, 'read'>, clock: Pick<Clock, 'now'>) {
    this.#access = access;
    this.#clock = clock;
  }

  async current(): Promise<Credentials> {
    const isYoung = this.#held && this.#clock.now() - this.#held.readAt < LIFE_MS;
    return isYoung && this.#held ? this.#held.credentials : this.#read(false);
  }

  /** What to use in place of credentials that were not accepted; undefined where there is nothing else. */
  async insteadOf(refused: Credentials): Promise<Credentials | undefined> {
    // Of many calls that are refused at once only one reads: the others find what it read.
    const other = this.#held && this.#held.credentials !== refused ? this.#held.credentials : await this.#read(true);
    return isSame(other, refused) ? undefined : other;
  }

  async #read(isRefused: boolean): Promise<Credentials> {
    this.#reading ??= this.#access.read(isRefused).finally(() => {
      this.#reading = undefined;
    });
    const credentials = await this.#reading;
    // The same ones stay the same object, so that whoever holds them sees that they are.
    const kept = this.#held && isSame(this.#held.credentials, credentials) ? this.#held.credentials : credentials;
    this.#held = { credentials: kept, readAt: this.#clock.now() };
    return kept;
  }
}

function isSame(one: Credentials, other: Credentials): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}
