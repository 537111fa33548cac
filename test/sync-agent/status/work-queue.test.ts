import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WorkQueue, type WorkOutcome, type WorkQueueObserver } from '../../../sync-agent/status/work-queue.ts';
import { UNTIL_RUNG_MS } from '../../../sync-agent/wake.ts';
import { manualClock, settle } from '../support/manual-clock.ts';

const silent: WorkQueueObserver = {
  depth: () => undefined,
  added: () => undefined,
  retried: () => undefined,
  worked: () => undefined,
};

/** A queue, and a hand on each piece of work. */
function bench(concurrency = 2, observer = silent) {
  const clock = manualClock();
  const began: string[] = [];
  const underWay = new Map<string, (outcome: WorkOutcome) => void>();
  const queue = new WorkQueue({
    concurrency,
    backoff: { firstMs: 1_000, longestMs: 8_000 },
    work: (key, signal) => {
      began.push(key);
      return new Promise((resolve, reject) => {
        underWay.set(key, resolve);
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    },
    clock,
    random: () => 1,
    observer,
  });
  const running = queue.run();
  const finish = async (key: string, outcome: WorkOutcome = { type: 'Done' }) => {
    const resolve = underWay.get(key)!;
    underWay.delete(key);
    resolve(outcome);
    await settle();
  };
  return { clock, queue, running, began, underWay, finish };
}

describe('a queue of keys', () => {
  test('works on no more at once than it may, in the order in which they came', async () => {
    const { queue, began, finish } = bench();
    for (const key of ['a', 'b', 'c']) queue.add(key);
    await settle();
    expect(began).toEqual(['a', 'b']);
    await finish('b');
    expect(began).toEqual(['a', 'b', 'c']);
  });

  test('works on a key once more where it was added while it was worked on, however often', async () => {
    const { queue, began, finish } = bench();
    queue.add('a');
    await settle();
    for (let i = 0; i < 5; i++) queue.add('a');
    await settle();
    expect(began).toEqual(['a']);
    await finish('a');
    expect(began).toEqual(['a', 'a']);
    await finish('a');
    expect([began, queue.size]).toEqual([['a', 'a'], 0]);
  });

  test('tries a failure again, later with every time, and not sooner because it is added again', async () => {
    const { clock, queue, began, finish } = bench();
    queue.add('a');
    await settle();
    await finish('a', { type: 'Retry' });
    queue.add('a');
    await clock.advance(999);
    expect(began).toHaveLength(1);
    await clock.advance(1);
    expect(began).toHaveLength(2);
    await finish('a', { type: 'Retry' });
    await clock.advance(1_999);
    expect(began).toHaveLength(2);
    await clock.advance(1);
    expect(began).toHaveLength(3);
  });

  test('waits as long as the other side asks', async () => {
    const { clock, queue, began, finish } = bench();
    queue.add('a');
    await settle();
    await finish('a', { type: 'Retry', afterMs: 60_000 });
    await clock.advance(59_999);
    expect(began).toHaveLength(1);
    await clock.advance(1);
    expect(began).toHaveLength(2);
  });

  test('puts off what is too early, but not beyond news of it', async () => {
    const { clock, queue, began, finish } = bench();
    queue.add('a');
    await settle();
    await finish('a', { type: 'Later', afterMs: 30_000 });
    await clock.advance(10_000);
    expect(began).toHaveLength(1);
    queue.add('a');
    await settle();
    expect(began).toHaveLength(2);
    await finish('a', { type: 'Later', afterMs: 30_000 });
    await clock.advance(30_000);
    expect(began).toHaveLength(3);
  });

  test('does not put off what was added while it was found to be too early', async () => {
    const { queue, began, finish } = bench();
    queue.add('a');
    await settle();
    queue.add('a');
    await finish('a', { type: 'Later', afterMs: 30_000 });
    expect(began).toHaveLength(2);
  });

  test('sleeps until it is woken once nothing that failed is left', async () => {
    const { clock, queue, finish } = bench();
    queue.add('a');
    await settle();
    await finish('a', { type: 'Retry' });
    await clock.advance(1_000);
    await finish('a');
    expect(clock.waits.at(-1)).toBe(UNTIL_RUNG_MS);
  });

  test('does not hold others up by one that fails', async () => {
    const { queue, began, finish } = bench(1);
    queue.add('a');
    queue.add('b');
    await settle();
    await finish('a', { type: 'Retry' });
    expect(began).toEqual(['a', 'b']);
  });

  test('ends with what is under way, and begins nothing more', async () => {
    const { queue, running, began, finish } = bench(1);
    queue.add('a');
    queue.add('b');
    await settle();
    let hasEnded = false;
    const stopped = queue.stop(5_000).then(() => (hasEnded = true));
    await running;
    await settle();
    expect(hasEnded).toBe(false);
    await finish('a');
    await stopped;
    queue.add('c');
    expect([began, queue.size]).toEqual([['a'], 1]);
  });

  test('gives up what is under way for too long', async () => {
    const { clock, queue } = bench(1);
    queue.add('a');
    await settle();
    const stopped = queue.stop(5_000);
    await clock.advance(5_000);
    await expect(stopped).resolves.toBeUndefined();
  });

  test('never holds more than there are keys, never works twice on one at once, and forgets none', async () => {
    type Step = { add: string } | { finish: WorkOutcome['type'] } | { passMs: number };
    const step: fc.Arbitrary<Step> = fc.oneof(
      fc.record({ add: fc.constantFrom('a', 'b', 'c', 'd') }),
      fc.record({ finish: fc.constantFrom('Done' as const, 'Retry' as const, 'Later' as const) }),
      fc.record({ passMs: fc.nat(4_000) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
        const { clock, queue, underWay, finish, began } = bench();
        const dirty = new Set<string>();
        let seen = 0;
        const look = () => {
          for (const key of began.slice(seen)) dirty.delete(key);
          seen = began.length;
          expect(queue.size).toBeLessThanOrEqual(4);
          expect(underWay.size).toBeLessThanOrEqual(2);
        };
        for (const one of steps) {
          if ('add' in one) {
            dirty.add(one.add);
            queue.add(one.add);
          } else if ('passMs' in one) await clock.advance(one.passMs);
          else {
            const [key] = underWay.keys();
            if (key !== undefined) await finish(key, { type: one.finish, afterMs: 500 });
          }
          await settle();
          look();
        }
        for (let i = 0; i < 40 && queue.size > 0; i++) {
          await clock.advance(8_000);
          for (const key of Array.from(underWay.keys())) await finish(key);
          look();
        }
        expect([queue.size, [...dirty]]).toEqual([0, []]);
        await queue.stop(0);
      }),
      { numRuns: 100 },
    );
  });
});
