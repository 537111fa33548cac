import type { RunningCandidate } from './candidate.ts';
import { chatBody } from './chat-body.ts';
import { askOnce } from './load.ts';

/** A fast answer that is wrong would win every comparison, so each candidate answers once under scrutiny. */
export async function verifyCandidate(candidate: RunningCandidate): Promise<void> {
  const whole = await askOnce({ ...candidate, body: chatBody({ stream: false, model: 'bench' }) });
  expectText(candidate, whole, '"total_tokens":89');
  const stream = await askOnce({ ...candidate, body: chatBody({ stream: true, model: 'bench' }) });
  expectText(candidate, stream, '"role":"assistant"');
  for (let at = 0; at < 58; at += 1) expectText(candidate, stream, `" word${at}"`);
  expectText(candidate, stream, '"finish_reason":"stop"');
  expectText(candidate, stream, 'data: [DONE]');
}

function expectText(candidate: RunningCandidate, answer: string, expected: string): void {
  if (answer.includes(expected)) return;
  throw new Error(`${candidate.name} left out ${expected}. It answered:\n${answer}`);
}
