import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';

export interface SteadyClientOptions {
  /** Origins of the isolates, each of which is asked all the time. */
  readonly urls: readonly string[];
  /** Valid all the time. */
  readonly key: string;
  /** Behind it stands `step-N` of the simulator: N tells by which table an answer was given. */
  readonly model: string;
}

/** Between an answer and the next question, in milliseconds. */
const PAUSE_MS = 20;
const PATIENCE_MS = 20_000;

type Seen = { readonly step: number } | { readonly status: number } | 'no connection';

/**
 * A client that keeps asking every isolate for what it has a right to, whatever happens to the edge meanwhile, and
 * complains of what must never happen: another answer than the model's, a refusal, an older table than it has seen at
 * that isolate, an error of the server that the test has not announced. A process that is not there takes no requests
 * at Cloudflare: that a connection fails is no complaint.
 */
export class SteadyClient {
  readonly complaints: string[] = [];
  /** The longest that it had to wait for an answer, in milliseconds. */
  slowestMs = 0;
  readonly #options: SteadyClientOptions;
  readonly #latest = new Map<string, Seen>();
  readonly #newest = new Map<string, number>();
  readonly #listeners = new Set<(url: string) => void>();
  readonly #waiting = new Set<() => void>();
  readonly #stopping = new AbortController();
  readonly #ended: Promise<unknown>;
  #tolerated: readonly number[] = [];

  constructor(options: SteadyClientOptions) {
    this.#options = options;
    this.#ended = Promise.all(options.urls.map((url) => this.#keepAsking(url)));
  }

  /** From now on these statuses are no reason to complain; without any: only success is good. */
  tolerate(...statuses: readonly number[]): void {
    this.#tolerated = statuses;
  }

  /** Resolves when the isolates answer out of the table with that step. */
  sees(step: number, urls = this.#options.urls): Promise<void> {
    const isSeen = (seen: Seen | undefined) => typeof seen === 'object' && 'step' in seen && seen.step === step;
    return this.#until(`step ${step}`, () => urls.every((url) => isSeen(this.#latest.get(url))));
  }

  /** Resolves when the isolates answer with that status. */
  seesStatus(status: number, urls = this.#options.urls): Promise<void> {
    const isSeen = (seen: Seen | undefined) => typeof seen === 'object' && 'status' in seen && seen.status === status;
    return this.#until(`status ${status}`, () => urls.every((url) => isSeen(this.#latest.get(url))));
  }

  /** Resolves when each isolate has answered `count` questions that were put from now on. */
  async rounds(count: number, urls = this.#options.urls): Promise<void> {
    // What is under way may have been answered out of the past.
    const left = new Map(urls.map((url) => [url, count + 1]));
    const unsubscribe = this.#onAnswer((url) => left.set(url, (left.get(url) ?? 0) - 1));
    await this.#until(`${count} rounds`, () => [...left.values()].every((rest) => rest <= 0)).finally(unsubscribe);
  }

  /** @throws {Error} with the complaints */
  assertContent(): void {
    if (this.complaints.length > 0) throw new Error(`the client complains:\n${this.complaints.join('\n')}`);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ended;
  }

  #onAnswer(listener: (url: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #keepAsking(url: string): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const seen = await this.#ask(url);
      if (this.#stopping.signal.aborted) return;
      this.#latest.set(url, seen);
      if (seen !== 'no connection') for (const listener of this.#listeners) listener(url);
      for (const wake of this.#waiting) wake();
      await pause(PAUSE_MS);
    }
  }

  async #ask(url: string): Promise<Seen> {
    let response: Response;
    let text: string;
    const askedAt = performance.now();
    try {
      response = await fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${this.#options.key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ model: this.#options.model, messages: [{ role: 'user', content: 'Are you there?' }] }),
        signal: this.#stopping.signal,
      });
      text = await response.text();
    } catch {
      return 'no connection';
    }
    this.slowestMs = Math.max(this.slowestMs, performance.now() - askedAt);
    const { status } = response;
    if (status !== 200) {
      if (!this.#tolerated.includes(status)) this.#complain(url, `status ${status}: ${text}`);
      return { status };
    }
    const step = stepOf(text);
    if (step === undefined) {
      this.#complain(url, `not the answer of the model: ${text}`);
      return { status };
    }
    const newest = this.#newest.get(url) ?? 0;
    if (step < newest) this.#complain(url, `an older table: step ${step} after ${newest}`);
    this.#newest.set(url, Math.max(step, newest));
    return { step };
  }

  #complain(url: string, what: string): void {
    // One of a kind tells enough.
    const complaint = `${url}: ${what.slice(0, 300)}`;
    if (!this.complaints.includes(complaint)) this.complaints.push(complaint);
  }

  async #until(what: string, isTrue: () => boolean): Promise<void> {
    const deadline = AbortSignal.timeout(PATIENCE_MS);
    while (!isTrue()) {
      if (deadline.aborted) throw new Error(`the client waited in vain for ${what}: ${this.#account()}`);
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiting.delete(wake);
          deadline.removeEventListener('abort', wake);
          resolve();
        };
        this.#waiting.add(wake);
        deadline.addEventListener('abort', wake);
      });
    }
  }

  #account(): string {
    return JSON.stringify({ latest: Object.fromEntries(this.#latest), complaints: this.complaints });
  }
}

const answer = z.object({
  model: z.string().regex(/^step-\d+-/),
  choices: z.tuple([z.object({ message: z.object({ content: z.string().includes('Are you there?') }) })]),
});

function stepOf(text: string): number | undefined {
  const parsed = answer.safeParse(parseJson(text));
  return parsed.success ? Number(parsed.data.model.split('-')[1]) : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
