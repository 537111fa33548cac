import { MalformedAnswer } from '../dialects/dialect.ts';
import { Failure } from '../errors.ts';
import type { Exchange } from '../pipeline/exchange.ts';
import type { Candidate } from '../pipeline/list-candidates.ts';
import type { Serve } from '../pipeline/plan-request.ts';
import type { CallControl } from './call-control.ts';
import type { Health } from './health.ts';

export interface Tried<Answer> {
  readonly candidate: Candidate;
  readonly answer: Answer;
}

/**
 * One pass over the candidates: the first that answers has it. Retries of the same backend, hedging and breakers have
 * their place here.
 *
 * @throws {Failure} the last candidate's, where none answered
 */
export async function tryInOrder<Answer extends { readonly status: number }>(
  { exchange, plan, control, health }: { exchange: Exchange; plan: Serve; control: CallControl; health: Health },
  attempt: (candidate: Candidate, signal: AbortSignal) => Promise<Answer>,
): Promise<Tried<Answer>> {
  let last: Failure | undefined;
  for (const candidate of plan.candidates) {
    if (control.isOver) break;
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
      last = control.reasonToStop(providerId) ?? failureOf(error, providerId);
      note(last.code, last.detail === undefined ? {} : { detail: last.detail });
      if (!isUpstreams(last)) break;
      health.failed(candidate, last);
    }
  }
  throw last ?? control.reasonToStop('') ?? new Failure('no_backend', 'No backend serves this model at the moment.');
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
    detail: error instanceof Error ? error.message : String(error),
    cause: error,
  });
}
