import { apiVersion } from '../../../crds/group.ts';
import type { Clock } from '../../clock.ts';
import { cutBytes } from '../../cut-text.ts';
import { isForbidden, type ApiRequest, type KubernetesApi } from '../../kubernetes/api.ts';
import type { Logger } from '../../log.ts';
import { microTime } from '../../micro-time.ts';
import type { ResourceAddress } from './resource-path.ts';
import { CONTROLLER_NAME } from './stored-status.ts';
import { TokenBuckets } from './token-buckets.ts';
import type { TransitionEvent } from './transition-events.ts';

export interface EventRecorderOptions {
  readonly api: KubernetesApi;
  /** The pod. */
  readonly instance: string;
  readonly clock: Clock;
  /** As Math.random. */
  readonly random: () => number;
  readonly logger: Logger;
}

export interface EventRegarding extends ResourceAddress {
  readonly uid: string;
}

/** As client-go: what one resource may have, and half as many again an hour. */
const PER_RESOURCE = { burst: 25, perSecond: 1 / 300 };
/** A table of 10,000 resources that is programmed for the first time is worth no 10,000 Events. */
const OVER_ALL = { burst: 100, perSecond: 5 };
/** An Event that is repeated within this time becomes a series. */
const SERIES_MS = 6 * 60_000;
const REMEMBERED = 1_000;
const IN_FLIGHT = 2;
const MOST_WAITING = 200;
/** Bytes: the API server refuses longer ones. */
const LONGEST_NOTE = 1_024;

interface Recorded {
  readonly name: string;
  readonly at: number;
  count: number;
}

/** Writes Events (`events.k8s.io/v1`), few of them: what is lost here stands in the status. Never throws. */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #buckets: TokenBuckets;
  readonly #overall: TokenBuckets;
  readonly #recorded = new Map<string, Recorded>();
  readonly #waiting: ApiRequest[] = [];
  readonly #working = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  #isForbidden = false;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#buckets = new TokenBuckets(PER_RESOURCE, options.clock, REMEMBERED);
    this.#overall = new TokenBuckets(OVER_ALL, options.clock, 1);
  }

  record(regarding: EventRegarding, event: TransitionEvent): void {
    if (this.#stopping.signal.aborted || this.#waiting.length >= MOST_WAITING) return;
    if (!this.#buckets.take(regarding.uid) || !this.#overall.take('')) return;
    this.#waiting.push(this.#requestFor(regarding, event));
    this.#fill();
  }

  /** Drops what waits, and resolves once nothing is under way. */
  async stop(): Promise<void> {
    this.#waiting.length = 0;
    this.#stopping.abort(new Error('stopped'));
    await Promise.all(this.#working);
  }

  #requestFor(regarding: EventRegarding, event: TransitionEvent): ApiRequest {
    const { clock, random } = this.#options;
    const now = clock.now();
    const path = `/apis/events.k8s.io/v1/namespaces/${regarding.namespace}/events`;
    const identity = JSON.stringify([regarding.uid, event]);
    const known = this.#recorded.get(identity);
    this.#recorded.delete(identity);
    if (known && now - known.at < SERIES_MS) {
      known.count += 1;
      this.#recorded.set(identity, known);
      const series = { count: known.count, lastObservedTime: microTime(now) };
      const contentType = 'application/merge-patch+json';
      return { method: 'PATCH', path: `${path}/${known.name}`, contentType, body: { series } };
    }
    const suffix = `${now.toString(16)}${Math.floor(random() * 0xffff_ffff).toString(16)}`;
    const name = `${regarding.name.slice(0, 200)}.${suffix}`;
    this.#recorded.set(identity, { name, at: now, count: 1 });
    for (const oldest of this.#recorded.keys()) {
      if (this.#recorded.size <= REMEMBERED) break;
      this.#recorded.delete(oldest);
    }
    return { method: 'POST', path, body: this.#body(name, regarding, event, now) };
  }

  #body(name: string, regarding: EventRegarding, { type, reason, note, action }: TransitionEvent, now: number) {
    const { kind, namespace, uid } = regarding;
    return {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name, namespace },
      eventTime: microTime(now),
      reportingController: CONTROLLER_NAME,
      reportingInstance: this.#options.instance,
      regarding: { apiVersion, kind, namespace, name: regarding.name, uid },
      type,
      reason,
      action,
      note: cutBytes(note, LONGEST_NOTE),
    };
  }

  #fill(): void {
    while (this.#working.size < IN_FLIGHT) {
      const request = this.#waiting.shift();
      if (!request) return;
      const working = this.#send(request).finally(() => {
        this.#working.delete(working);
        this.#fill();
      });
      this.#working.add(working);
    }
  }

  async #send(request: ApiRequest): Promise<void> {
    const { api, logger } = this.#options;
    const { signal } = this.#stopping;
    try {
      await api.call(request, signal);
      this.#isForbidden = false;
    } catch (error) {
      if (signal.aborted) return;
      const isRefused = isForbidden(error);
      if (isRefused && this.#isForbidden) return;
      this.#isForbidden = isRefused;
      const reason = error instanceof Error ? error.message : String(error);
      logger[isRefused ? 'warn' : 'debug']('an Event could not be written', { path: request.path, reason });
    }
  }
}
