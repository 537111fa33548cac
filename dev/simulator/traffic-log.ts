import type { IncomingHttpHeaders } from 'node:http';

/** One request as the simulator received it. */
export type ReceivedRequest = {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  /** The body as text, and what its JSON says (undefined where it is none). */
  body: string;
  json: unknown;
  /** `Aborted`: the client left before the answer was complete. `Cut`: the simulator hung up on purpose. */
  outcome: 'Pending' | 'Answered' | 'Aborted' | 'Cut';
};

/**
 * What tests ask the simulator about. Each `next…` call takes one happening, in order, and waits for
 * it where it has not happened yet, so that a test cannot miss one by asking late.
 */
export class TrafficLog {
  readonly requests: ReceivedRequest[] = [];
  readonly arrivals = new Happenings<ReceivedRequest>();
  readonly ends = new Happenings<ReceivedRequest>();
  readonly aborts = new Happenings<ReceivedRequest>();

  arrived(request: ReceivedRequest): void {
    this.requests.push(request);
    this.arrivals.add(request);
  }

  ended(request: ReceivedRequest, outcome: ReceivedRequest['outcome']): void {
    request.outcome = outcome;
    this.ends.add(request);
    if (outcome === 'Aborted') this.aborts.add(request);
  }
}

class Happenings<T> {
  #unclaimed: T[] = [];
  #waiting: ((value: T) => void)[] = [];

  add(value: T): void {
    const waiter = this.#waiting.shift();
    if (waiter === undefined) this.#unclaimed.push(value);
    else waiter(value);
  }

  async next(): Promise<T> {
    const [value] = this.#unclaimed.splice(0, 1);
    if (value !== undefined) return value;
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }
}
