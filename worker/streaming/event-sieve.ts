import { MalformedAnswer, type StreamReader } from '../dialects/dialect.ts';
import { join } from './collect-bytes.ts';

/** What one event may measure, in bytes: an image within one is a few MB. */
const MAX_EVENT_BYTES = 8 * 1024 * 1024;

const LF = 0x0a;
const CR = 0x0d;

/** Keeps a byte order mark: what is decoded is measured against its bytes. */
const utf8 = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });

/**
 * Shows the events of a stream (https://html.spec.whatwg.org/multipage/server-sent-events.html) to a reader and lets
 * their bytes through as they came, less those that the reader drops. Only the beginning of an event whose end has not
 * come yet is held back, so that whatever is put in between stands between two events.
 */
export class EventSieve {
  readonly #reader: StreamReader;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #fault: MalformedAnswer | undefined;

  constructor(reader: StreamReader) {
    this.#reader = reader;
  }

  /** What made the stream unreadable; nothing passes from there on. */
  get fault(): MalformedAnswer | undefined {
    return this.#fault;
  }

  /** @returns the bytes that may pass, usually `chunk` itself */
  push(chunk: Uint8Array): Uint8Array | undefined {
    if (this.#heldBytes === 0) return this.#sift(chunk, utf8.decode(chunk));
    const held = this.#held;
    const size = this.#heldBytes + chunk.byteLength;
    const seam = join(
      [lastBytes(held), chunk.subarray(0, 3)],
      Math.min(3, this.#heldBytes) + Math.min(3, chunk.byteLength),
    );
    held.push(chunk);
    this.#heldBytes = size;
    // Nothing is put together before an event has come to its end: a long one in small pieces would cost its square.
    if (eventEnd(utf8.decode(seam), 0) < 0 && eventEnd(utf8.decode(chunk), 0) < 0) {
      if (size > MAX_EVENT_BYTES) this.#fault = new MalformedAnswer('it sent an event that does not end');
      return undefined;
    }
    const bytes = join(held, size);
    this.#hold([]);
    return this.#sift(bytes, utf8.decode(bytes));
  }

  /**
   * The stream has ended. A last event without its blank line still counts if it is whole; the beginning of one that
   * was cut off does not, and is not passed on.
   */
  finish(): Uint8Array | undefined {
    if (this.#heldBytes === 0) return undefined;
    const bytes = join(this.#held, this.#heldBytes);
    this.#hold([]);
    const { data, event } = fieldsOf(utf8.decode(bytes));
    try {
      if (data === undefined || this.#reader.read(data, event) === 'Drop') return undefined;
    } catch (error) {
      if (error instanceof MalformedAnswer) return undefined;
      throw error;
    }
    return join([bytes, BLANK_LINE], bytes.byteLength + BLANK_LINE.byteLength);
  }

  #sift(bytes: Uint8Array, text: string): Uint8Array | undefined {
    let at = 0;
    let passed = 0;
    const passing: Uint8Array[] = [];
    for (let end = eventEnd(text, 0); end >= 0; end = eventEnd(text, at)) {
      const verdict = this.#read(text.slice(at, end));
      if (verdict === 'Stop') break;
      if (verdict === 'Drop') {
        const from = byteOffset(bytes, text, at);
        if (from > passed) passing.push(bytes.subarray(passed, from));
        passed = byteOffset(bytes, text, end);
      }
      at = end;
      if (this.#reader.error) break;
    }
    const isOver = this.#fault !== undefined || this.#reader.error !== undefined;
    const end = at === text.length ? bytes.byteLength : byteOffset(bytes, text, at);
    if (end < bytes.byteLength && !isOver) this.#hold([bytes.subarray(end)]);
    if (passed === 0 && end === bytes.byteLength) return bytes;
    if (end > passed) passing.push(bytes.subarray(passed, end));
    const size = passing.reduce((sum, part) => sum + part.byteLength, 0);
    return size === 0 ? undefined : join(passing, size);
  }

  #read(block: string): 'Pass' | 'Drop' | 'Stop' {
    const { data, event } = fieldsOf(block);
    if (data === undefined) return 'Pass';
    try {
      return this.#reader.read(data, event);
    } catch (error) {
      if (!(error instanceof MalformedAnswer)) throw error;
      this.#fault = error;
      return 'Stop';
    }
  }

  #hold(parts: Uint8Array[]): void {
    this.#held = parts;
    this.#heldBytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
  }
}

const BLANK_LINE = new TextEncoder().encode('\n\n');

/**
 * A line may end in CR LF, LF or CR. With a CR at the very end no event ends yet: an LF that follows belongs to it, and
 * would else be held back, or stay behind where the event is dropped.
 */
const EVENT_END = /(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r(?=[^\n]))/g;

/** The place after the blank line that ends the event which begins at `from`, or -1. */
function eventEnd(text: string, from: number): number {
  if (!text.includes('\r')) {
    const end = text.indexOf('\n\n', from);
    return end < 0 ? -1 : end + 2;
  }
  EVENT_END.lastIndex = from;
  return EVENT_END.test(text) ? EVENT_END.lastIndex : -1;
}

function fieldsOf(block: string): { data: string | undefined; event: string | undefined } {
  if (block.startsWith('data: ') && block.indexOf('\n') === block.length - 2 && !block.includes('\r'))
    return { data: block.slice(6, -2), event: undefined };
  let data: string | undefined;
  let event: string | undefined;
  for (const line of block.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/)) {
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line.charCodeAt(colon + 1) === 0x20 ? colon + 2 : colon + 1);
    if (field === 'data') data = data === undefined ? value : `${data}\n${value}`;
    else if (field === 'event') event = value;
  }
  return { data, event };
}

/**
 * Where in the bytes an event begins that begins at `index` of their text. Events begin after the end of a line, and
 * decoding keeps every CR and LF, also among bytes that are not UTF-8: counting those finds the place.
 */
function byteOffset(bytes: Uint8Array, text: string, index: number): number {
  if (bytes.byteLength === text.length || index === 0) return index;
  let lineEnds = 0;
  for (let i = 0; i < index; i++) if (isLineEnd(text.charCodeAt(i))) lineEnds++;
  let at = 0;
  while (lineEnds > 0) if (isLineEnd(bytes[at++] ?? LF)) lineEnds--;
  return at;
}

function isLineEnd(code: number): boolean {
  return code === LF || code === CR;
}

/** The last three bytes: an end of event is at most four long. */
function lastBytes(parts: readonly Uint8Array[]): Uint8Array {
  const last: number[] = [];
  for (let part = parts.length - 1; part >= 0 && last.length < 3; part--) {
    const bytes = parts[part];
    for (let i = (bytes?.byteLength ?? 0) - 1; i >= 0 && last.length < 3; i--) last.unshift(bytes?.[i] ?? 0);
  }
  return new Uint8Array(last);
}
