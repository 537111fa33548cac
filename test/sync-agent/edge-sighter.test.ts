import { describe, expect, test } from 'vitest';
import { Sighter } from '../../sync-agent/edge-sighter.ts';
import type { Sighting, SightingWanted } from '../../sync-agent/inference/sighting.ts';
import { silentLogger } from '../../sync-agent/log.ts';
import { PublishFailure } from '../../sync-agent/publish/publish-failure.ts';
import type { SnapshotChange } from '../../sync-agent/snapshot.ts';
import { failureOf } from './support/failure-of.ts';
import { manualClock, settle } from './support/manual-clock.ts';
import { wantedSighting, wantedSightings } from './support/wanted-sighting.ts';

const SEEN: Sighting = { type: 'Seen', path: '/v1', models: ['llama'] };
const NOT_SEEN: Sighting = { type: 'NotSeen', sentence: 'GET https://llama/v1/models: status 503' };
const never = new AbortController().signal;

function bench() {
  const clock = manualClock();
  const asked: string[] = [];
  const told: SnapshotChange[] = [];
  const open: { readonly id: string; readonly answer: (sighting: Sighting | Error) => void }[] = [];
  const publisher = {
    look: ({ id, digest }: SightingWanted, signal: AbortSignal): Promise<Sighting> => {
      asked.push(`${id} ${digest}`);
      const { promise, resolve, reject } = Promise.withResolvers<Sighting>();
      signal.addEventListener('abort', () => reject(new Error('aborted')));
      open.push({ id, answer: (answer) => (answer instanceof Error ? reject(answer) : resolve(answer)) });
      return promise;
    },
  };
  const sighter = new Sighter({
    edge: 'ai/edge',
    onSightings: (changes) => told.push(...changes),
    logger: silentLogger,
    clock,
    random: () => 1,
  });
  return {
    clock,
    sighter,
    asked,
    told,
    want: (...wanted: readonly SightingWanted[]) => sighter.want(wantedSightings(...wanted), publisher),
    /** Answers the oldest question that is open. */
    answer: async (sighting: Sighting | Error) => {
      open.shift()?.answer(sighting);
      await settle();
    },
    open,
  };
}

const toldOf = (id: string, digest: string, sighting: Sighting): SnapshotChange => {
  const [namespace = '', name = ''] = id.split('/');
  return { type: 'Set', resource: { kind: 'EdgeSighting', metadata: { namespace, name }, digest, sighting } };
};

const failing = (fault: PublishFailure['fault']) => new PublishFailure(fault, 'no');

describe('what an edge held before it was asked', () => {
  const wanted = (digest: string) => ({ ...wantedSighting('ai/a'), digest });
  const held = {
    providers: new Map([['ai/a', { baseURL: 'https://llama.gpu.example.com/v1' }]]),
    models: new Map([['ai/a', ['llama']]]),
  };

  test('is in use until the edge has looked, and one look in vain takes nothing away', async () => {
    const { want, answer, told, clock, sighter } = bench();
    sighter.startOver(held);
    want(wanted('place-new'));
    expect(told).toEqual([toldOf('ai/a', 'place-held', SEEN)]);
    await answer(NOT_SEEN);
    expect(told).toHaveLength(1);
    await clock.advance(5_000);
    await answer(NOT_SEEN);
    expect(told.slice(1)).toEqual([toldOf('ai/a', 'place-new', NOT_SEEN)]);
  });

  test('gives way to what the edge sees, and to what this agent has told already', async () => {
    const { want, answer, told, sighter } = bench();
    want(wanted('place-old'));
    await answer({ type: 'Seen', path: '/openai/v1', models: ['llama'] });
    sighter.startOver(held);
    want(wanted('place-old'));
    expect(told).toHaveLength(1);
  });
});

describe('looking through the edge', () => {
  test('what is seen is told once, and not asked again', async () => {
    const { want, answer, told, asked, clock } = bench();
    want(wantedSighting('ai/a'));
    await answer(SEEN);
    expect(told).toEqual([toldOf('ai/a', 'd1', SEEN)]);
    want(wantedSighting('ai/a'));
    await clock.advance(3_600_000);
    expect(asked).toEqual(['ai/a d1']);
  });

  test('another digest is asked at once; what was seen before stays until it is answered', async () => {
    const { want, answer, told, asked } = bench();
    want(wantedSighting('ai/a'));
    await answer(SEEN);
    want(wantedSighting('ai/a', 'd2'));
    expect(asked).toEqual(['ai/a d1', 'ai/a d2']);
    expect(told).toHaveLength(1);
    const more: Sighting = { ...SEEN, models: ['llama', 'adapter'] };
    await answer(more);
    expect(told.at(-1)).toEqual(toldOf('ai/a', 'd2', more));
  });

  test('after a change, one look that sees nothing takes nothing away; the second one does', async () => {
    const { want, answer, told, clock } = bench();
    want(wantedSighting('ai/a'));
    await answer(SEEN);
    want(wantedSighting('ai/a', 'd2'));
    await answer(NOT_SEEN);
    expect(told).toHaveLength(1);
    await clock.advance(5000);
    await answer(NOT_SEEN);
    expect(told.at(-1)).toEqual(toldOf('ai/a', 'd2', NOT_SEEN));
  });

  test('the answer to a question that nobody asks any more is not heard', async () => {
    const { want, answer, told } = bench();
    want(wantedSighting('ai/a'));
    want(wantedSighting('ai/a', 'd2'));
    await answer(SEEN);
    expect(told).toEqual([]);
  });

  test('no more than four looks are under way', async () => {
    const { want, answer, asked } = bench();
    want(...['a', 'b', 'c', 'd', 'e', 'f'].map((name) => wantedSighting(`ai/${name}`)));
    expect(asked).toHaveLength(4);
    await answer(SEEN);
    expect(asked).toHaveLength(5);
    await answer(SEEN);
    expect(asked).toHaveLength(6);
  });

  test('a namespace of services that never answer keeps no other waiting', async () => {
    const { want, answer, asked, clock } = bench();
    const silent = Array.from({ length: 60 }, (_, index) => wantedSighting(`ai/silent-${index}`));
    want(...silent);
    for (let i = 0; i < 120; i++) {
      await answer(NOT_SEEN);
      await clock.advance(1000);
    }
    want(...silent, wantedSighting('team/a'), wantedSighting('team/b'));
    for (let i = 0; i < 2; i++) await answer(NOT_SEEN);
    expect(asked).toContain('team/a d1');
    expect(asked).toContain('team/b d1');
  });

  test('what is not seen is looked at again, after 5 to 60 seconds, and told where it changes', async () => {
    const { want, answer, told, asked, clock } = bench();
    want(wantedSighting('ai/a'));
    for (const pause of [5000, 10_000, 20_000, 40_000, 60_000, 60_000]) {
      const before = asked.length;
      await answer(NOT_SEEN);
      await clock.advance(pause - 1);
      expect(asked).toHaveLength(before);
      await clock.advance(1);
      expect(asked).toHaveLength(before + 1);
    }
    expect(told).toEqual([toldOf('ai/a', 'd1', NOT_SEEN)]);
    await answer(SEEN);
    expect(told.at(-1)).toEqual(toldOf('ai/a', 'd1', SEEN));
  });

  test('an edge that cannot be asked yields nothing, and is asked again', async () => {
    const { want, answer, told, asked, clock } = bench();
    want(wantedSighting('ai/a'));
    await answer(failing('edge-failing'));
    await clock.advance(5000);
    expect(asked).toHaveLength(2);
    expect(told).toEqual([]);
    await answer(SEEN);
    expect(told).toEqual([toldOf('ai/a', 'd1', SEEN)]);
  });

  test('an edge that asks to be left alone is', async () => {
    const { want, answer, asked, clock } = bench();
    want(wantedSighting('ai/a'));
    await answer(new PublishFailure('edge-failing', 'busy', { retryAfterMs: 30_000 }));
    await clock.advance(29_999);
    expect(asked).toHaveLength(1);
    await clock.advance(1);
    expect(asked).toHaveLength(2);
  });

  test('what is no longer wanted is forgotten, and no longer asked', async () => {
    const { want, answer, told, asked, clock } = bench();
    want(wantedSighting('ai/a'), wantedSighting('ai/b'));
    await answer(NOT_SEEN);
    await answer(SEEN);
    want(wantedSighting('ai/b'));
    expect(told.slice(2)).toEqual([{ type: 'Delete', key: 'EdgeSighting/ai/a' }]);
    await clock.advance(600_000);
    expect(asked).toHaveLength(2);
    want(wantedSighting('ai/a'), wantedSighting('ai/b'));
    expect(asked.at(-1)).toBe('ai/a d1');
  });

  test('asking another edge begins anew, and what was told stays meanwhile', async () => {
    const { want, answer, told, asked, sighter } = bench();
    want(wantedSighting('ai/a'));
    await answer(SEEN);
    sighter.startOver();
    want(wantedSighting('ai/a'));
    expect(asked).toEqual(['ai/a d1', 'ai/a d1']);
    expect(told).toHaveLength(1);
  });

  test('what is asleep is asked by no edge, and what was told of it stays', async () => {
    const { want, answer, told, asked, sighter } = bench();
    want(wantedSighting('ai/a'));
    await answer(SEEN);
    const asleep = { ...wantedSighting('ai/a'), isOnlyKept: true };
    want(asleep);
    sighter.startOver();
    want(asleep);
    expect(asked).toEqual(['ai/a d1']);
    expect(told).toEqual([toldOf('ai/a', 'd1', SEEN)]);
    want(wantedSighting('ai/a'));
    expect(asked).toEqual(['ai/a d1', 'ai/a d1']);
  });

  test('what falls asleep while it is looked at is left alone', async () => {
    const { want, answer, told, asked, sighter, clock } = bench();
    want(wantedSighting('ai/a'));
    await answer(SEEN);
    sighter.startOver();
    want(wantedSighting('ai/a'));
    want({ ...wantedSighting('ai/a'), isOnlyKept: true });
    await answer(NOT_SEEN);
    await clock.advance(600_000);
    expect(asked).toHaveLength(2);
    expect(told).toEqual([toldOf('ai/a', 'd1', SEEN)]);
  });

  test('stopped, it leaves nothing running', async () => {
    const { want, answer, asked, told, sighter, clock } = bench();
    want(wantedSighting('ai/a'), wantedSighting('ai/b'));
    await answer(NOT_SEEN);
    sighter.stop();
    await answer(SEEN);
    await clock.advance(600_000);
    expect(asked).toHaveLength(2);
    expect(told).toEqual([toldOf('ai/a', 'd1', NOT_SEEN)]);
    expect(clock.next()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('waiting for the first looks', () => {
  test('ends when everything was answered, seen or not', async () => {
    const { want, answer, sighter, clock } = bench();
    want(wantedSighting('ai/a'), wantedSighting('ai/b'));
    let isOver = false;
    const settling = sighter.settle(10_000, never).then(() => (isOver = true));
    await answer(SEEN);
    expect(isOver).toBe(false);
    await answer(NOT_SEEN);
    await settling;
    await clock.advance(4999);
    expect(clock.waits).toContain(10_000);
  });

  test('nothing wanted is nothing to wait for', async () => {
    const { want, sighter, clock } = bench();
    want();
    await sighter.settle(10_000, never);
    expect(clock.waits).toEqual([]);
  });

  test('ends at its deadline: what was not answered by then counts as not asked, until it is', async () => {
    const { want, answer, told, open, sighter, clock } = bench();
    want(wantedSighting('ai/a'), wantedSighting('ai/b'));
    const settling = sighter.settle(10_000, never);
    await answer(SEEN);
    await clock.advance(10_000);
    await settling;
    expect(told.slice(1)).toEqual([toldOf('ai/b', 'd1', { type: 'Unasked' })]);
    expect(open).toHaveLength(1);
    await answer(NOT_SEEN);
    expect(told.at(-1)).toEqual(toldOf('ai/b', 'd1', NOT_SEEN));
  });

  test('what another edge saw is not taken back by a deadline', async () => {
    const { want, answer, told, sighter, clock } = bench();
    want(wantedSighting('ai/a'));
    await answer(SEEN);
    sighter.startOver();
    want(wantedSighting('ai/a'));
    const settling = sighter.settle(10_000, never);
    await clock.advance(10_000);
    await settling;
    expect(told).toEqual([toldOf('ai/a', 'd1', SEEN)]);
  });

  test('fails at once where the plan would fail too', async () => {
    const { want, answer, sighter } = bench();
    want(wantedSighting('ai/a'));
    const settling = failureOf(sighter.settle(10_000, never));
    await answer(failing('unreachable'));
    expect((await settling).fault).toBe('unreachable');
  });

  test('waits on where only this question failed', async () => {
    const { want, answer, told, sighter, clock } = bench();
    want(wantedSighting('ai/a'));
    const settling = sighter.settle(10_000, never);
    await answer(failing('edge-failing'));
    await clock.advance(5000);
    await answer(SEEN);
    await settling;
    expect(told).toEqual([toldOf('ai/a', 'd1', SEEN)]);
  });

  test('ends with the agent', async () => {
    const { want, sighter } = bench();
    want(wantedSighting('ai/a'));
    const stopping = new AbortController();
    const settling = sighter.settle(10_000, stopping.signal);
    stopping.abort(new Error('the agent stops'));
    await expect(settling).rejects.toThrow('the agent stops');
  });
});
