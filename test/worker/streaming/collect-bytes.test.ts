import { expect, test } from 'vitest';
import { collect, join } from '../../../worker/streaming/collect-bytes.ts';
import { bytesOf } from './sift.ts';

test('a stream is collected whole up to the limit, part by part', async () => {
  let parts = 0;
  const { stream } = streamOf(['ab', 'c', 'def']);
  expect(await collect(stream, 6, () => parts++)).toEqual(bytesOf('abcdef'));
  expect(parts).toBe(3);
});

test('a stream beyond the limit is cancelled, and gives nothing', async () => {
  const { stream, isCancelled } = streamOf(['ab', 'c', 'def']);
  expect(await collect(stream, 5)).toBeUndefined();
  expect(isCancelled()).toBe(true);
});

test('an empty stream is no bytes, not nothing', async () => {
  expect(await collect(streamOf([]).stream, 5)).toEqual(new Uint8Array());
});

test('a stream that breaks off rejects: half of it is not taken for the whole', async () => {
  const { stream } = streamOf(['ab'], new Error('reset'));
  await expect(collect(stream, 5)).rejects.toThrow('reset');
});

test('a single part is joined without a copy', () => {
  const part = bytesOf('a');
  expect(join([part], 1)).toBe(part);
  expect(join([part, bytesOf('bc')], 3)).toEqual(bytesOf('abc'));
});

function streamOf(parts: readonly string[], failure?: Error) {
  let cancelled = false;
  const left = [...parts];
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const part = left.shift();
      if (part !== undefined) controller.enqueue(bytesOf(part));
      else if (failure) controller.error(failure);
      else controller.close();
    },
    cancel: () => void (cancelled = true),
  });
  return { stream, isCancelled: () => cancelled };
}
