import { dialects } from '../dialects/registry.ts';
import { asFailure, Failure } from '../errors.ts';
import type { GatheringWriter } from '../streaming/gathering-writer.ts';
import type { CallControl } from '../upstream/call-control.ts';
import type { AnswerInput, Refused } from './answer-input.ts';
import type { Outcome } from './exchange.ts';
import { meterStream } from './meter.ts';
import type { OpenStream } from './open-stream.ts';
import type { Candidate } from './list-candidates.ts';
import { relayStream, type StreamEnd } from './relay-stream.ts';

/** What became of the candidates of a stream. */
export type Opening = OpenStream | Refused | { readonly type: 'Failed'; readonly failure: Failure };

/**
 * Sends a stream whose response has begun, to its end, and settles it. It does not throw; the request's waitUntil lasts
 * until it has settled.
 *
 * @param awaited a promise where the response began before any backend had answered
 */
export async function carryStream(
  input: AnswerInput,
  control: CallControl,
  awaited: Opening | Promise<Opening>,
  writer: GatheringWriter,
): Promise<void> {
  const opening = awaited instanceof Promise ? await awaited : awaited;
  let end: StreamEnd;
  try {
    end = await carry(input, control, opening, writer);
  } catch (error) {
    end = { type: 'Broken', isTold: false, failure: asFailure(error) };
  }
  control.watchdog.stop();
  // Before the last byte is out: a caller that is slow to read it, or never does, delays no settlement.
  settle(input, opening, control.clientGone ? { type: 'ClientLeft' } : end);
  try {
    if (end.type === 'Broken' && !end.isTold) await writer.write(renderError(input, end.failure));
    await writer.close();
  } catch {
    // The caller has gone. Nothing is left to be done.
  }
}

function carry(
  { exchange, plan }: AnswerInput,
  control: CallControl,
  opening: Opening,
  writer: GatheringWriter,
): StreamEnd | Promise<StreamEnd> {
  switch (opening.type) {
    case 'Open': {
      const { candidate } = exchange;
      if (!candidate) throw new Error('a stream is open that nobody answers');
      const idleMs = plan.timeouts(candidate).idle;
      return relayStream(opening, writer, { control, idleMs, providerId: candidate.providerId });
    }
    case 'Refusal':
      return { type: 'Broken', isTold: false, failure: lateRefusal(opening, exchange.candidate) };
    case 'Failed':
      return { type: 'Broken', isTold: false, failure: opening.failure };
  }
}

/** The status is out already: what the provider finds fault with can only be told within the stream. */
function lateRefusal({ status, body }: Refused, candidate: Candidate | undefined): Failure {
  const upstream = candidate && dialects[candidate.provider.dialect].upstream;
  const said = upstream?.readError(new TextDecoder().decode(body)).message;
  return new Failure('invalid_request', said ?? `The provider refused the request with status ${status}.`);
}

function renderError({ clientDialect }: AnswerInput, failure: Failure): Uint8Array {
  return new TextEncoder().encode(dialects[clientDialect].client.renderStreamError(failure));
}

function settle({ exchange, request }: AnswerInput, opening: Opening, end: StreamEnd): void {
  const metered = opening.type === 'Open' ? meterStream(opening.reader, request.text) : undefined;
  switch (end.type) {
    case 'Whole':
      return exchange.settle('completed', 200, metered);
    case 'ClientLeft':
      return exchange.settle('client_abort', 200, metered);
    case 'Broken':
      return exchange.settle(brokenOutcome(opening), 200, metered, end.failure);
  }
}

function brokenOutcome(opening: Opening): Outcome {
  switch (opening.type) {
    case 'Open':
      return 'interrupted';
    case 'Refusal':
      return 'refused';
    case 'Failed':
      return 'failed';
  }
}
