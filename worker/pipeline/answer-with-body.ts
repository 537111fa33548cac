import { MalformedAnswer, type AnswerFacts } from '../dialects/dialect.ts';
import { dialects } from '../dialects/registry.ts';
import { collect } from '../streaming/collect-bytes.ts';
import { estimateLongText } from '../streaming/estimate-tokens.ts';
import { CallControl } from '../upstream/call-control.ts';
import { callUpstream } from '../upstream/call-upstream.ts';
import { tryInOrder } from '../upstream/try-in-order.ts';
import { answerAs, refusalResponse, type AnswerInput, type Refused } from './answer-input.ts';
import { meter } from './meter.ts';
import type { Candidate } from './list-candidates.ts';

/** What a whole answer may measure, in bytes: it is held until it is known to be one. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

interface WholeAnswer {
  readonly type: 'Whole';
  readonly status: number;
  readonly response: Response;
  readonly text: string;
  readonly facts: AnswerFacts;
}

const utf8 = new TextDecoder();

/** Answers at once: with what the first backend says that gives a whole answer. */
export async function answerWithBody(input: AnswerInput): Promise<Response> {
  const { exchange, plan, services, request } = input;
  const control = new CallControl({
    clock: exchange.clock,
    totalMs: plan.timeouts(plan.candidates[0]).total,
    onClientAbort: plan.route.onClientAbort,
    clientSignal: exchange.request.signal,
  });
  try {
    const { answer } = await tryInOrder<WholeAnswer | Refused>(
      { exchange, plan, control, health: services.health },
      (candidate, signal) => attempt(input, control, candidate, signal),
    );
    exchange.upstreamRequestId = answer.response.headers.get('x-request-id');
    exchange.answeredAt = exchange.clock.now();
    if (answer.type === 'Refusal') return refusalResponse(exchange, answer, control);
    const estimatedOutput =
      answer.facts.usage || request.operation === 'embeddings' ? 0 : estimateLongText(answer.text);
    const metered = meter(answer.facts, request.text, estimatedOutput);
    exchange.settle(control.clientGone ? 'client_abort' : 'completed', answer.status, metered);
    return answerAs(answer.text, answer.response, exchange);
  } finally {
    control.watchdog.stop();
  }
}

async function attempt(
  { exchange, plan, services, request }: AnswerInput,
  control: CallControl,
  candidate: Candidate,
  signal: AbortSignal,
): Promise<WholeAnswer | Refused> {
  const timeouts = plan.timeouts(candidate);
  control.watchdog.expect('firstByte', timeouts.firstByte);
  const answer = await callUpstream(services, exchange, candidate, request, signal);
  const { status } = answer.response;
  if (answer.type === 'Refusal') return { ...answer, status };
  const { response } = answer;
  const text = await readAnswer(response, control, timeouts.idle);
  const facts = dialects[candidate.provider.dialect].upstream.readAnswer(text);
  return { type: 'Whole', status, response, text, facts };
}

/** An answer is JSON, hence UTF-8: its text is the same bytes again, and reading text is what the runtime does best. */
async function readAnswer(response: Response, control: CallControl, idleMs: number): Promise<string> {
  const { body, headers } = response;
  if (!body) throw new MalformedAnswer('it answered with nothing');
  control.watchdog.expect('idle', idleMs);
  const length = headers.get('content-length');
  // A body of known length is on its way as a whole: it is read in one go.
  if (length !== null && !headers.has('content-encoding') && Number(length) <= MAX_ANSWER_BYTES) return response.text();
  const bytes = await collect(body, MAX_ANSWER_BYTES, () => control.watchdog.expect('idle', idleMs));
  if (!bytes) throw new MalformedAnswer(`its answer is larger than ${MAX_ANSWER_BYTES / (1024 * 1024)} MiB`);
  return utf8.decode(bytes);
}
