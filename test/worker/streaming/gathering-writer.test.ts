import { describe, expect, test } from 'vitest';
import { GatheringWriter } from '../../../worker/streaming/gathering-writer.ts';
import { countingClock } from '../upstream/counting-clock.ts';
import { bytesOf } from './sift.ts';

describe('chunks that come together', () => {
  test('go out in two writes: the first at once, the rest after a millisecond', async () => {
    const { writer, clock, written } = opened();
    await writer.write(bytesOf('a'));
    expect(written()).toEqual(['a']);
    for (const chunk of ['b', 'c', 'd']) expect(writer.write(bytesOf(chunk))).toBeUndefined();
    expect(written()).toEqual(['a']);
    clock.advance(1);
    await writer.flush();
    expect(written()).toEqual(['a', 'bcd']);
  });

  test('need one timer for all of them', async () => {
    const { writer, clock } = opened();
    await writer.write(bytesOf('a'));
    for (const chunk of ['b', 'c', 'd']) void writer.write(bytesOf(chunk));
    expect(clock.everSet()).toBe(1);
  });

  test('keep their order whatever their times', async () => {
    const { writer, clock, written } = opened();
    const pauses = [0, 0, 1, 0, 2, 5, 0, 0, 0, 1, 1, 1, 3, 0];
    for (const [i, pause] of pauses.entries()) {
      void writer.write(bytesOf(`${i},`));
      clock.advance(pause);
      await settled();
    }
    clock.advance(1);
    await writer.close();
    expect(written().join('')).toBe(pauses.map((_, i) => `${i},`).join(''));
  });
});

test('a chunk that comes alone is written at once, without a timer', async () => {
  const { writer, clock, written } = opened();
  for (const chunk of ['a', 'b', 'c']) {
    await writer.write(bytesOf(chunk));
    clock.advance(2);
  }
  expect(written()).toEqual(['a', 'b', 'c']);
  expect(clock.everSet()).toBe(0);
});

describe('a reader that is slow', () => {
  test('makes whoever writes wait', async () => {
    const { writer, read, written } = opened({ isSlow: true });
    let isDone = false;
    const writing = Promise.resolve(writer.write(bytesOf('a'))).then(() => (isDone = true));
    await settled();
    expect(isDone).toBe(false);
    read();
    await writing;
    expect(written()).toEqual(['a']);
  });

  test('is waited for once more than 64 KiB are gathered', async () => {
    const { writer, clock } = opened();
    await writer.write(bytesOf('a'));
    const kilobytes = bytesOf('x'.repeat(1024));
    for (let i = 0; i < 64; i++) expect(writer.write(kilobytes)).toBeUndefined();
    const wait = writer.write(bytesOf('y'));
    expect(wait).toBeInstanceOf(Promise);
    clock.advance(1);
    await wait;
    clock.advance(2);
    await writer.write(bytesOf('z'));
  });

  test('is given up where it does not read at all', async () => {
    const { writable } = new IdentityTransformStream();
    const writer = new GatheringWriter(writable.getWriter(), countingClock(), () => undefined);
    const writing = Promise.resolve(writer.write(bytesOf('a')));
    writer.abandonIfStuck();
    await expect(writing).rejects.toThrow();
  });

  test('that keeps up is not given up', async () => {
    const { writer, clock, written } = opened();
    await writer.write(bytesOf('a'));
    writer.abandonIfStuck();
    clock.advance(2);
    await writer.write(bytesOf('b'));
    expect(written()).toEqual(['a', 'b']);
  });
});

describe('a reader that has gone', () => {
  test('is noticed by the write', async () => {
    const { writer } = opened({ hasGone: true });
    await expect(Promise.resolve(writer.write(bytesOf('a')))).rejects.toThrow('gone');
  });

  test('is told once where nobody awaits the write, and every later write throws', async () => {
    const { writer, clock, leave, failures } = opened();
    await writer.write(bytesOf('a'));
    void writer.write(bytesOf('b'));
    leave();
    clock.advance(1);
    await expect.poll(failures).toBe(1);
    expect(() => writer.write(bytesOf('c'))).toThrow('gone');
    await expect(writer.flush()).rejects.toThrow('gone');
    await expect(writer.close()).rejects.toThrow('gone');
    expect(failures()).toBe(1);
  });
});

test('closing sends what was gathered first', async () => {
  const { writer, clock, written, isClosed } = opened();
  await writer.write(bytesOf('a'));
  void writer.write(bytesOf('b'));
  const closing = writer.close();
  await settled();
  expect(isClosed()).toBe(false);
  clock.advance(1);
  await closing;
  expect(written()).toEqual(['a', 'b']);
  expect(isClosed()).toBe(true);
});

function opened({ isSlow = false, hasGone = false }: { isSlow?: boolean; hasGone?: boolean } = {}) {
  const clock = countingClock();
  const chunks: string[] = [];
  let gone = hasGone;
  let closed = false;
  let failures = 0;
  const reading = Promise.withResolvers<void>();
  if (!isSlow) reading.resolve();
  const stream = new WritableStream<Uint8Array>({
    async write(chunk) {
      await reading.promise;
      if (gone) throw new Error('gone');
      chunks.push(new TextDecoder().decode(chunk));
    },
    close: () => void (closed = true),
  });
  return {
    clock,
    writer: new GatheringWriter(stream.getWriter(), clock, () => failures++),
    written: () => chunks,
    read: () => reading.resolve(),
    leave: () => void (gone = true),
    failures: () => failures,
    isClosed: () => closed,
  };
}

/** Everything has run that waits for promises only. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 0));
}
