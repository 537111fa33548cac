import { dialects } from '../dialects/registry.ts';
import { asFailure } from '../errors.ts';
import { GatheringWriter } from '../streaming/gathering-writer.ts';
import { CallControl } from '../upstream/call-control.ts';
import { callUpstream } from '../upstream/call-upstream.ts';
import { tryInOrder } from '../upstream/try-in-order.ts';
import { answerAs, refusalResponse, type AnswerInput, type Refused } from './answer-input.ts';
import { carryStream, type Opening } from './carry-stream.ts';
import { openStream, type OpenStream } from './open-stream.ts';

const PING = new TextEncoder().encode(': ping\n\n');

/**
 * Answers with a stream. Nothing is sent until a backend has begun its answer, so that another can take over; after ten
 * seconds of silence the response begins nevertheless, with comments that keep it alive.
 */
export async function answerWithStream(input: AnswerInput): Promise<Response> {
  const { exchange, plan } = input;
  const silence = Promise.withResolvers<undefined>();
  let onSilence = (): void => silence.resolve(undefined);
  let writer: GatheringWriter | undefined;
  const control = new CallControl({
    clock: exchange.clock,
    totalMs: plan.timeouts(plan.candidates[0]).total,
    onClientAbort: plan.route.onClientAbort,
    clientSignal: exchange.request.signal,
    onSilence: () => onSilence(),
    // A write that waits for a caller who has gone would hold up the reading that Drain wants to go on.
    onClientGone: () => writer?.abandonIfStuck(),
    onTotal: () => writer?.abandonIfStuck(),
  });
  const opening = open(input, control);
  const opened = await Promise.race([opening, silence.promise]);
  if (opened && opened.type !== 'Open') {
    control.watchdog.stop();
    if (opened.type === 'Refusal') return refusalResponse(exchange, opened, control);
    throw opened.failure;
  }

  const { readable, writable } = new IdentityTransformStream();
  const gathering = new GatheringWriter(writable.getWriter(), exchange.clock, () => control.clientLeft());
  writer = gathering;
  onSilence = () => void send(PING, gathering, control);
  if (!opened) onSilence();
  exchange.settlesLater = true;
  void carryStream(input, control, opened ?? opening, gathering);
  return opened ? answerAs(readable, opened.response, exchange) : new Response(readable, { headers: earlyHeaders() });
}

/** Does not throw: what it gives may be looked at late. */
async function open(input: AnswerInput, control: CallControl): Promise<Opening> {
  const { exchange, plan, request, services } = input;
  try {
    const { answer } = await tryInOrder<OpenStream | Refused>(
      { exchange, plan, control, health: services.health },
      async (candidate, signal) => {
        const timeouts = plan.timeouts(candidate);
        control.watchdog.expect('firstByte', timeouts.firstByte);
        const called = await callUpstream(services, exchange, candidate, request, signal);
        if (called.type === 'Refusal') return { ...called, status: called.response.status };
        const { upstream } = dialects[candidate.provider.dialect];
        const reader = upstream.readStream(request.operation, {
          dropUsage: !request.wantsUsage,
          choices: request.choices,
        });
        return openStream(called.response, reader, control, timeouts);
      },
    );
    exchange.upstreamRequestId = answer.response.headers.get('x-request-id');
    exchange.answeredAt = exchange.clock.now();
    return answer;
  } catch (error) {
    return { type: 'Failed', failure: asFailure(error) };
  }
}

/** Before anybody has answered only this is known. */
function earlyHeaders(): Headers {
  return new Headers({ 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
}

async function send(bytes: Uint8Array, writer: GatheringWriter, control: CallControl): Promise<void> {
  try {
    await writer.write(bytes);
  } catch {
    control.clientLeft();
  }
}
