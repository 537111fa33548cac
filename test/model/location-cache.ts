import type { Chance } from './chance.ts';
import { outside } from './life.ts';
import type { VirtualClock } from './virtual-clock.ts';

interface Entry {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly expiresAt: number;
}

/** The Cache API of one location. It may forget at any moment. */
export class LocationCache {
  readonly #clock: VirtualClock;
  readonly #chance: Chance;
  readonly #entries = new Map<string, Entry>();

  constructor(clock: VirtualClock, chance: Chance) {
    this.#clock = clock;
    this.#chance = chance;
  }

  readonly put = (url: RequestInfo | URL, response: Response): Promise<void> =>
    outside(async () => {
      const bytes = new Uint8Array(await this.#clock.whileStanding(response.arrayBuffer()));
      await this.#clock.sleep(this.#chance.between(1, 20));
      const maxAge = /max-age=(\d+)/.exec(response.headers.get('cache-control') ?? '')?.[1] ?? '0';
      this.#entries.set(urlOf(url), { bytes, expiresAt: this.#clock.now() + Number(maxAge) * 1_000 });
    });

  readonly match = (url: RequestInfo | URL): Promise<Response | undefined> =>
    outside(async () => {
      await this.#clock.sleep(this.#chance.between(1, 20));
      const entry = this.#entries.get(urlOf(url));
      return entry && this.#clock.now() < entry.expiresAt ? new Response(entry.bytes) : undefined;
    });

  readonly delete = (url: RequestInfo | URL): Promise<boolean> => outside(async () => this.#entries.delete(urlOf(url)));

  forget(): void {
    this.#entries.clear();
  }
}

function urlOf(url: RequestInfo | URL): string {
  return url instanceof Request ? url.url : String(url);
}
