import { describe, expect, onTestFinished, test } from 'vitest';
import { DeletionGate } from '../../../../sync-agent/source/kubernetes/deletion-gate.ts';
import { manualClock, settle } from '../../support/manual-clock.ts';

/** A gate, and a hand on each answer to what becomes of the kind. */
function bench() {
  const clock = manualClock();
  const questions: PromiseWithResolvers<boolean>[] = [];
  const happened: string[] = [];
  const stopping = new AbortController();
  const gate = new DeletionGate({
    isKindLeaving: () => {
      const question = Promise.withResolvers<boolean>();
      questions.push(question);
      return question.promise;
    },
    onLeaving: () => happened.push('the kind is leaving'),
    clock,
  });
  onTestFinished(async () => {
    stopping.abort(new Error('the test is over'));
    for (const { reject } of questions) reject(new Error('the test is over'));
    await gate.idle();
  });
  return {
    clock,
    gate,
    happened,
    questions,
    stopping,
    delete: (id: string, what = id) =>
      gate.hold(
        id,
        { apply: () => happened.push(`${what} is gone`), keep: () => happened.push(`${what} stays`) },
        stopping.signal,
      ),
    answer: async (isLeaving: boolean | Error) => {
      const question = questions.shift();
      if (isLeaving instanceof Error) question?.reject(isLeaving);
      else question?.resolve(isLeaving);
      await settle();
    },
  };
}

describe('deletions', () => {
  test('that come together are asked about once, and each is carried out once', async () => {
    const { clock, gate, happened, questions, answer, ...bed } = bench();
    bed.delete('team/a');
    bed.delete('team/b');
    await clock.advance(20);
    expect(questions).toHaveLength(1);
    expect(happened).toEqual([]);
    await answer(false);
    await gate.idle();
    await clock.advance(60_000);
    expect(happened).toEqual(['team/a is gone', 'team/b is gone']);
  });

  test('of a kind that is leaving are kept, and it is told once', async () => {
    const { clock, happened, answer, ...bed } = bench();
    bed.delete('team/a');
    bed.delete('team/b');
    await clock.advance(20);
    await answer(true);
    expect(happened).toEqual(['team/a stays', 'team/b stays', 'the kind is leaving']);
  });

  test('that come while it is asked wait for the next answer: the one before may be older than they are', async () => {
    const { clock, happened, answer, ...bed } = bench();
    bed.delete('team/a');
    await clock.advance(20);
    bed.delete('team/b');
    await answer(false);
    expect(happened).toEqual(['team/a is gone']);
    await clock.advance(20);
    await answer(true);
    expect(happened).toEqual(['team/a is gone', 'team/b stays', 'the kind is leaving']);
  });

  test('of an object that came back meanwhile count for nothing, also where it was deleted once more', async () => {
    const { clock, gate, happened, answer, ...bed } = bench();
    bed.delete('team/a');
    bed.delete('team/b', 'the first b');
    await clock.advance(20);
    gate.withdraw('team/a');
    gate.withdraw('team/b');
    bed.delete('team/b', 'the second b');
    await answer(false);
    expect(happened).toEqual([]);
    await clock.advance(20);
    await answer(false);
    expect(happened).toEqual(['the second b is gone']);
  });

  test('that cannot be asked about wait, and are asked about every half second', async () => {
    const { clock, happened, questions, answer, ...bed } = bench();
    bed.delete('team/a');
    await clock.advance(20);
    await answer(new Error('the API server is away'));
    await clock.advance(499);
    expect(questions).toEqual([]);
    await clock.advance(1);
    await answer(false);
    expect(happened).toEqual(['team/a is gone']);
  });

  test('are not decided once nobody watches any more', async () => {
    const { clock, gate, happened, stopping, ...bed } = bench();
    bed.delete('team/a');
    stopping.abort(new Error('stopped'));
    await gate.idle();
    await clock.advance(60_000);
    expect(happened).toEqual([]);
  });
});
