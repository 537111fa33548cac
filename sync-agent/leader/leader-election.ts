import { abortReason, type Clock, type MonotonicNow } from '../clock.ts';
import { ApiFailure, type KubernetesApi } from '../kubernetes/api.ts';
import type { Logger } from '../log.ts';
import {
  afterAnswer,
  afterWait,
  BEGINNING,
  decide,
  leads,
  releasing,
  type ElectionCall,
  type ElectionAnswer,
  type ElectionState,
  type ElectionTiming,
} from './election.ts';
import { leaseBody, readLease } from './lease.ts';

export interface ElectionOptions {
  readonly api: KubernetesApi;
  readonly namespace: string;
  /** Of the Lease. */
  readonly name: string;
  /** Ours alone: the pod's name and something random, so that a pod that came back under its name is another. */
  readonly identity: string;
  readonly timing: ElectionTiming;
  readonly clock: Clock;
  readonly monotonicNow: MonotonicNow;
  /** As Math.random. */
  readonly random: () => number;
  readonly logger: Logger;
}

/** Being the one that leads, until it is lost or given back. */
export interface Leadership {
  /** Aborts with a LeadershipLost as soon as it is lost. */
  readonly signal: AbortSignal;
  /** By the clock of this moment: also right after the process had been stopped, when no timer has run yet. */
  isHeld(): boolean;
  /** To be called once nothing acts as leader any more: lets the next take over at once, if it is ours. Never throws. */
  release(): Promise<void>;
}

export class LeadershipLost extends Error {
  override name = 'LeadershipLost';
}

/** Resolves once it leads. @throws the signal's reason */
export async function becomeLeader(options: ElectionOptions, signal: AbortSignal): Promise<Leadership> {
  const term = new LeaderTerm(options);
  await term.acquire(signal);
  return term;
}

/** A call that has not been answered by then is made again: three go into the deadline. */
const CALLS_PER_DEADLINE = 3;
const RELEASE_TIMEOUT_MS = 2_000;

class LeaderTerm implements Leadership {
  readonly #options: ElectionOptions;
  readonly #lost = new AbortController();
  readonly #released = new AbortController();
  #state: ElectionState = BEGINNING;
  #ended: Promise<unknown> = Promise.resolve();
  /** What was wrong last, so that it is said once. */
  #told = '';

  constructor(options: ElectionOptions) {
    this.#options = options;
  }

  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  isHeld(): boolean {
    if (!leads(this.#state, this.#options.monotonicNow())) this.#lose();
    return !this.signal.aborted;
  }

  async acquire(signal: AbortSignal): Promise<void> {
    const { logger, identity } = this.#options;
    for (;;) {
      await this.#step(signal);
      if (leads(this.#state, this.#options.monotonicNow())) break;
      await this.#pause(signal);
    }
    logger.info('leading', { identity });
    this.#ended = Promise.all([this.#renew(), this.#watchDeadline()]);
  }

  async release(): Promise<void> {
    this.#released.abort(new Error('given back'));
    await this.#ended;
    // Also where it was lost because it could not be renewed: nobody need wait for it. What became of a renewal that was
    // under way may not be known: then it is read once.
    if (!(await this.#giveBack()) && (await this.#answerTo({ type: 'Read' })).type === 'Found') await this.#giveBack();
    this.#options.logger.info('no longer leading', { identity: this.#options.identity });
  }

  /** Whether it is another's to take now. */
  async #giveBack(): Promise<boolean> {
    const { identity, clock } = this.#options;
    const action = releasing(this.#state, identity, clock.now());
    return action === undefined || (await this.#answerTo(action)).type === 'Written';
  }

  async #answerTo(action: ElectionCall): Promise<ElectionAnswer> {
    const { identity, timing, monotonicNow } = this.#options;
    const answer = await this.#perform(action, RELEASE_TIMEOUT_MS, new AbortController().signal);
    this.#state = afterAnswer(this.#state, answer, { identity, timing }, monotonicNow());
    return answer;
  }

  async #renew(): Promise<void> {
    const signal = AbortSignal.any([this.#lost.signal, this.#released.signal]);
    try {
      for (;;) {
        await this.#pause(signal);
        // After a stop of the process it may be over already: then a renewal would only keep others waiting.
        if (!this.isHeld()) return;
        await this.#step(signal);
        this.isHeld();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** The deadline passes whatever becomes of the calls. */
  async #watchDeadline(): Promise<void> {
    const { clock, monotonicNow } = this.#options;
    const signal = AbortSignal.any([this.#lost.signal, this.#released.signal]);
    try {
      while (this.isHeld()) await clock.wait(Math.max(1, (this.#state.leadsUntil ?? 0) - monotonicNow()), signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  #lose(): void {
    if (this.signal.aborted) return;
    const holder = this.#state.seen?.lease?.record.holder;
    const { identity, namespace, name } = this.#options;
    const why =
      holder === undefined || holder === identity || holder === '' ? 'was not renewed in time' : `is held by ${holder}`;
    this.#lost.abort(new LeadershipLost(`the Lease ${namespace}/${name} ${why}: another agent may lead`));
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const { clock, random, timing } = this.#options;
    // Candidates that began together do not go on asking together.
    await clock.wait(timing.retryMs * (0.9 + 0.2 * random()), signal);
    this.#state = afterWait(this.#state);
  }

  /** Reads and writes until there is nothing to do, or something failed. */
  async #step(signal: AbortSignal): Promise<void> {
    const { identity, timing, clock, monotonicNow } = this.#options;
    const candidate = { identity, timing };
    for (;;) {
      signal.throwIfAborted();
      const action = decide(this.#state, candidate, monotonicNow(), clock.now());
      if (action.type === 'Wait') return;
      const answer = await this.#perform(action, timing.renewDeadlineMs / CALLS_PER_DEADLINE, signal);
      this.#state = afterAnswer(this.#state, answer, candidate, monotonicNow());
      if (answer.type !== 'Found') return;
    }
  }

  async #perform(action: ElectionCall, timeoutMs: number, signal: AbortSignal): Promise<ElectionAnswer> {
    const sentAt = this.#options.monotonicNow();
    try {
      const lease = await this.#call(action, timeoutMs, signal);
      this.#told = '';
      return action.type === 'Read' || !lease ? { type: 'Found', lease } : { type: 'Written', lease, sentAt };
    } catch (error) {
      if (signal.aborted) throw abortReason(signal);
      // Somebody else was faster, or the Lease was deleted meanwhile: there is nothing wrong with that.
      const isRace = error instanceof ApiFailure && (error.status === 409 || error.status === 404);
      if (!isRace) this.#tell(error);
      return { type: 'Failed' };
    }
  }

  async #call(action: ElectionCall, timeoutMs: number, signal: AbortSignal) {
    const { api, namespace, name } = this.#options;
    const place = { namespace, name };
    const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
    switch (action.type) {
      case 'Read':
        try {
          return readLease(await api.call({ method: 'GET', path: `${path}/${name}`, timeoutMs }, signal));
        } catch (error) {
          if (error instanceof ApiFailure && error.status === 404) return undefined;
          throw error;
        }
      case 'Create':
        return readLease(
          await api.call({ method: 'POST', path, body: leaseBody(place, action.record), timeoutMs }, signal),
        );
      case 'Replace': {
        const body = leaseBody(place, action.record, action.resourceVersion);
        return readLease(await api.call({ method: 'PUT', path: `${path}/${name}`, body, timeoutMs }, signal));
      }
    }
  }

  #tell(error: unknown): void {
    const { logger, namespace, name } = this.#options;
    const reason = error instanceof Error ? error.message : String(error);
    if (reason === this.#told) return;
    this.#told = reason;
    logger.warn('the Lease cannot be read or written', { lease: `${namespace}/${name}`, reason });
  }
}
