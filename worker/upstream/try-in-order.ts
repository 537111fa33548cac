import { MalformedAnswer } from '../dialects/dialect.ts';
import type { Clock } from '../clock.ts';
import { Failure } from '../errors.ts';
import type { Exchange } from '../pipeline/exchange.ts';
import type { Candidate } from '../pipeline/list-candidates.ts';
import { START_MS, type Serve } from '../pipeline/plan-request.ts';
import type { CallControl } from './call-control.ts';
import type { Health } from './health.ts';

export interface Tried<Answer> {
  readonly candidate: Candidate;
  readonly answer: Answer;
}

interface Trying {
  readonly exchange: Exchange;
  readonly plan: Serve;
  readonly control: CallControl;
  readonly health: Health;
}

type Attempt<Answer> = (candidate: Candidate, signal: AbortSignal) => Promise<Answer>;

/** Pauses between calls of a service that makes its first replica, in milliseconds. */
const START_PAUSES = { firstMs: 1000, longestMs: 10_000 };

/**
 * One pass over the candidates: the first that answers has it. Retries of the same backend, hedging and breakers have
 * their place here; so far only a service that starts, and after which nothing is left, is called again.
 *
 * @throws {Failure} the last candidate's, where none answered
 */
export async function tryInOrder<Answer extends { readonly status: number }>(
  trying: Trying,
  attempt: Attempt<Answer>,
): Promise<Tried<Answer>> {
  const { plan, control, health } = trying;
  let last: Failure | undefined;
  for (const candidate of plan.candidates) {
    if (control.isOver) break;
    const isStarting = candidate === plan.starting;
    const tried = isStarting ? await tryUntilUp(trying, candidate, attempt) : await tryOnce(trying, candidate, attempt);
    if (!(tried instanceof Failure)) return tried;
    last = tried;
    if (!isUpstreams(last)) break;
    if (!isStarting) health.failed(candidate, last);
  }
  throw last ?? control.reasonToStop('') ?? new Failure('no_backend', 'No backend serves this model at the moment.');
}

async function tryOnce<Answer extends { readonly status: number }>(
  { exchange, control, health }: Trying,
  candidate: Candidate,
  attempt: Attempt<Answer>,
): Promise<Tried<Answer> | Failure> {
  const { backend, providerId } = candidate;
  const startedAt = exchange.clock.now();
  const note = (
    outcome: 'answered' | 'passed_on' | Failure['code'],
    rest: { status?: number; detail?: string },
  ): void => {
    const durationMs = exchange.clock.now() - startedAt;
    exchange.attempts.push({ backend: backend.name, provider: providerId, outcome, durationMs, ...rest });
  };
  try {
    const answer = await attempt(candidate, control.begin());
    const { status } = answer;
    note(status < 400 ? 'answered' : 'passed_on', { status });
    health.succeeded(candidate);
    exchange.candidate = candidate;
    return { candidate, answer };
  } catch (error) {
    // An answer that is of no use may go on and on.
    control.abort();
    const failure = control.reasonToStop(providerId) ?? failureOf(error, providerId);
    note(failure.code, failure.detail === undefined ? {} : { detail: failure.detail });
    return failure;
  }
}

/** What stands before a service that has no replica yet may hold the request, or refuse it: then it is sent again. */
async function tryUntilUp<Answer extends { readonly status: number }>(
  trying: Trying,
  candidate: Candidate,
  attempt: Attempt<Answer>,
): Promise<Tried<Answer> | Failure> {
  const { clock } = trying.exchange;
  const endsAt = clock.now() + START_MS;
  for (let pauseMs = START_PAUSES.firstMs; ; pauseMs = Math.min(2 * pauseMs, START_PAUSES.longestMs)) {
    const tried = await tryOnce(trying, candidate, attempt);
    if (!(tried instanceof Failure) || !tried.mayBeStarting || clock.now() + pauseMs >= endsAt) return tried;
    await pause(pauseMs, clock, trying.control.begin());
    if (trying.control.isOver) return trying.control.reasonToStop(candidate.providerId) ?? tried;
  }
}

/** Ends early where the call would. */
function pause(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const disarm = clock.after(ms, resolve);
    signal.addEventListener('abort', () => {
      disarm();
      resolve();
    });
  });
}

/** Whether another backend may do better. */
function isUpstreams({ code }: Failure): boolean {
  return code.startsWith('upstream_');
}

function failureOf(error: unknown, providerId: string): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof MalformedAnswer)
    return new Failure(
      'upstream_failed',
      `The provider ${providerId} gave no usable answer: ${error.message}. Try again.`,
      {
        detail: error.message,
      },
    );
  return new Failure('upstream_failed', `The provider ${providerId} cannot be reached. Try again.`, {
    mayBeStarting: true,
    detail: error instanceof Error ? error.message : String(error),
    cause: error,
  });
}
