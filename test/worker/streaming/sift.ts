import * as fc from 'fast-check';
import type { Operation } from '../../../contract/routing-table.ts';
import type { StreamChoice, StreamReader, UpstreamError, Usage } from '../../../worker/dialects/dialect.ts';
import { OpenAIStreamReader } from '../../../worker/dialects/openai/stream.ts';
import { EventSieve } from '../../../worker/streaming/event-sieve.ts';

/** What became of a stream that went through a sieve. */
export interface Sifted {
  /** What the caller gets, as text: UTF-8 that is whole again. */
  readonly forwarded: string;
  readonly fault: string | undefined;
}

export interface Read extends Sifted {
  readonly usage: Usage | undefined;
  readonly model: string | undefined;
  readonly hasContent: boolean;
  readonly hasEnded: boolean;
  readonly isWhole: boolean;
  readonly error: UpstreamError | undefined;
  readonly estimatedOutput: number;
}

/** Passes chunks on as the pipeline does: to the end, a fault or an error event. */
export function sift(chunks: readonly Uint8Array[], reader: StreamReader): Sifted {
  const sieve = new EventSieve(reader);
  const passed: Uint8Array[] = [];
  const pass = (bytes: Uint8Array | undefined): void => void (bytes && passed.push(bytes));
  const isOver = (): boolean => sieve.fault !== undefined || reader.error !== undefined;
  for (const chunk of chunks) {
    pass(sieve.push(chunk));
    if (isOver()) break;
  }
  if (!isOver()) pass(sieve.finish());
  const forwarded = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(joined(passed));
  return { forwarded, fault: sieve.fault?.message };
}

export function readOpenAI(
  chunks: readonly Uint8Array[],
  { operation = 'chat', dropUsage = false, choices = 1 }: Partial<StreamChoice> & { operation?: Operation } = {},
): Read {
  const reader = new OpenAIStreamReader(operation, { dropUsage, choices });
  const sifted = sift(chunks, reader);
  const { hasContent, hasEnded, isWhole, error, estimatedOutput } = reader;
  return { ...sifted, ...reader.facts, hasContent, hasEnded, isWhole, error, estimatedOutput };
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Chunks of so many bytes. */
export function piecesOf(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}

/** Any way to cut the bytes, also within a character or a line end; single bytes where many cuts meet. */
export function anyChunksOf(bytes: Uint8Array): fc.Arbitrary<Uint8Array[]> {
  return fc.uniqueArray(fc.integer({ min: 1, max: Math.max(1, bytes.length - 1) }), { maxLength: 60 }).map((cuts) => {
    const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
    return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
  });
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
