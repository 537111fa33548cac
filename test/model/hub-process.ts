import { Hub } from '../../worker/table/hub.ts';
import { kvInbox } from '../../worker/table/inbox-kv.ts';
import type { TableSettings } from '../../worker/table/table-settings.ts';
import type { Chance } from './chance.ts';
import type { LaggingKv } from './lagging-kv.ts';
import { Life, within } from './life.ts';
import { ObjectStorage, type HubStorage } from './object-storage.ts';
import type { VirtualClock } from './virtual-clock.ts';

export interface HubSurroundings {
  readonly clock: VirtualClock;
  readonly chance: Chance;
  readonly kv: LaggingKv;
  /** Those of the worker that is deployed now. */
  readonly settings: () => TableSettings;
  /** The hub has written a signed pointer into its storage. */
  readonly admits: (jws: string) => void;
  readonly log: (line: string) => void;
}

/** A compact JWS. */
const SIGNED = /^[\w-]+\.[\w-]+\.[\w-]{86}$/;

/** The hub as the runtime keeps it: made when it is called, gone at any moment, its storage always there. */
export class HubProcess {
  /** Counts the wipes: what was promised before one is forgotten. */
  era = 0;
  /** When it was last cut off in the middle of what it did. */
  interruptedAt = Number.NEGATIVE_INFINITY;
  readonly #use: HubSurroundings;
  readonly #storage: ObjectStorage;
  #running: { readonly life: Life; readonly hub: Hub } | undefined;

  constructor(surroundings: HubSurroundings) {
    this.#use = surroundings;
    const { clock, admits } = surroundings;
    const ring = () => this.call((hub) => hub.alarm());
    this.#storage = new ObjectStorage(clock, ring, (statement, values) => {
      if (!/^\s*INSERT INTO pointers\b/.test(statement)) return;
      for (const value of values) if (typeof value === 'string' && SIGNED.test(value)) admits(value);
    });
  }

  /** Runs a call in the hub's life. Rejects where that ends meanwhile. */
  async call<T>(work: (hub: Hub) => Promise<T>): Promise<T> {
    const { life, hub } = this.#started();
    return within(life, () => work(hub), 'the hub');
  }

  /** Looks at what the hub holds, as the hub itself would say it, and changes nothing. */
  look<T>(work: (hub: Hub) => Promise<T>): Promise<T> {
    return work(this.#make(this.#storage.look()));
  }

  restart(): void {
    this.interruptedAt = this.#use.clock.now();
    this.#running?.life.end();
    this.#running = undefined;
    this.#storage.close();
  }

  wipe(): void {
    this.restart();
    this.#storage.wipe();
    this.era++;
  }

  #started(): { life: Life; hub: Hub } {
    this.#running ??= { life: new Life(), hub: this.#make(this.#storage.open()) };
    return this.#running;
  }

  #make(storage: HubStorage): Hub {
    const { kv, clock, chance, settings, log } = this.#use;
    const namespace = kv.at('hub');
    return new Hub({
      settings: settings(),
      storage,
      kv: namespace,
      inboxes: { CloudflareKV: kvInbox(namespace) },
      log: (level, message, fields) => log(`hub ${level}: ${message} ${JSON.stringify(fields)}`),
      now: clock.now,
      random: chance.random,
    });
  }
}
