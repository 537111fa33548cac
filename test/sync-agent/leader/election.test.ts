import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  afterAnswer,
  afterWait,
  BEGINNING,
  decide,
  ELECTION_TIMING,
  leads,
  releasing,
  type Candidate,
  type ElectionAction,
  type ElectionAnswer,
  type ElectionState,
} from '../../../sync-agent/leader/election.ts';
import { readLease, type Lease, type LeaseRecord } from '../../../sync-agent/leader/lease.ts';
import { microTime } from '../../../sync-agent/micro-time.ts';

const me: Candidate = { identity: 'me', timing: ELECTION_TIMING };
const record = (holder: string, renewedAt = 'r0'): LeaseRecord => ({
  holder,
  durationSeconds: 15,
  acquiredAt: 'a',
  renewedAt,
  transitions: 3,
});
const lease = (holder: string, resourceVersion = '7', renewedAt = 'r0'): Lease => ({
  record: record(holder, renewedAt),
  resourceVersion,
});

/** What `me` knows after it has read these, one after the other. */
function having(...found: readonly (readonly [at: number, lease: Lease | undefined])[]): ElectionState {
  return found.reduce<ElectionState>(
    (state, [at, lease]) => afterAnswer(state, { type: 'Found', lease }, me, at),
    BEGINNING,
  );
}
const next = (state: ElectionState, now: number) => decide(state, me, now, 0);

describe('a candidate', () => {
  test('looks at the Lease before anything else', () => {
    expect(next(BEGINNING, 0)).toEqual({ type: 'Read' });
  });

  test('creates the Lease where there is none', () => {
    expect(next(having([0, undefined]), 0)).toEqual({
      type: 'Create',
      record: { holder: 'me', durationSeconds: 15, acquiredAt: microTime(0), renewedAt: microTime(0), transitions: 0 },
    });
  });

  test('takes one that was given back at once, and counts the transition', () => {
    expect(next(having([0, lease('')]), 0)).toMatchObject({
      type: 'Replace',
      resourceVersion: '7',
      record: { holder: 'me', transitions: 4 },
    });
  });

  test('waits for the whole duration since it saw the record change, whatever times stand in it', () => {
    const longAgo = having([1_000, lease('other', '7', '1999-01-01T00:00:00.000000Z')]);
    expect(next(longAgo, 15_999)).toEqual({ type: 'Wait' });
    expect(next(longAgo, 16_000)).toMatchObject({ type: 'Replace', record: { holder: 'me' } });
  });

  test('begins to wait anew when the record changed, and not when only its resourceVersion did', () => {
    expect(next(having([0, lease('other')], [10_000, lease('other', '8', 'r1')]), 24_000)).toEqual({ type: 'Wait' });
    const unchanged = having([0, lease('other')], [10_000, lease('other', '8')]);
    expect(next(unchanged, 14_999)).toEqual({ type: 'Wait' });
    expect(next(unchanged, 15_000)).toMatchObject({ type: 'Replace', resourceVersion: '8' });
  });

  test('honours a longer duration that another release wrote', () => {
    const long = { resourceVersion: '1', record: { ...record('other'), durationSeconds: 60 } };
    expect(next(having([0, long]), 59_000)).toEqual({ type: 'Wait' });
  });

  test('waits out the holder of a Lease that was deleted, for that one may not know it', () => {
    const deleted = having([0, lease('other')], [4_000, undefined]);
    expect(next(deleted, 14_999)).toEqual({ type: 'Wait' });
    expect(next(deleted, 15_000)).toMatchObject({ type: 'Create' });
  });

  test('that leads creates it anew at once when it was deleted', () => {
    const leading = afterAnswer(having([0, undefined]), { type: 'Written', lease: lease('me'), sentAt: 0 }, me, 1);
    const deleted = afterAnswer(leading, { type: 'Found', lease: undefined }, me, 2_000);
    expect(next(deleted, 2_000)).toMatchObject({ type: 'Create' });
    expect(leads(deleted, 2_000)).toBe(true);
  });

  test('leads from when a write was sent, and no longer once it sees another holder', () => {
    const leading = afterAnswer(
      having([0, lease('')]),
      { type: 'Written', lease: lease('me', '8'), sentAt: 50 },
      me,
      900,
    );
    expect([leads(leading, 10_049), leads(leading, 10_050)]).toEqual([true, false]);
    expect(leads(afterAnswer(leading, { type: 'Found', lease: lease('other', '9') }, me, 1_000), 1_000)).toBe(false);
  });

  test('renews what it holds, and says that it has held it since', () => {
    const leading = afterAnswer(having([0, lease('')]), { type: 'Written', lease: lease('me', '8'), sentAt: 0 }, me, 1);
    expect(decide(afterWait(leading), me, 2_000, 60_000)).toEqual({
      type: 'Replace',
      resourceVersion: '8',
      record: { ...record('me', microTime(60_000)) },
    });
  });

  test('reads again where it does not know what became of a write', () => {
    expect(next(afterAnswer(having([0, lease('')]), { type: 'Failed' }, me, 0), 0)).toEqual({ type: 'Read' });
  });

  test('gives back only what is its own', () => {
    expect(releasing(having([0, lease('other')]), 'me', 0)).toBeUndefined();
    expect(releasing(having([0, lease('me')]), 'me', 0)).toMatchObject({ record: { holder: '' } });
  });
});

test('a Lease that client-go has not filled in is held by nobody', () => {
  expect(readLease({ metadata: { resourceVersion: '1' } }).record).toMatchObject({ holder: '', transitions: 0 });
});

/** One candidate of the model, with at most one call under way, which the server has carried out or not. */
interface ModelCandidate {
  readonly candidate: Candidate;
  state: ElectionState;
  call: { readonly action: ElectionAction; readonly sentAt: number; answer?: ElectionAnswer } | undefined;
  /** Calls that it has given up, and that the server may still carry out. */
  readonly late: ElectionAction[];
  released: boolean;
}

type Command =
  | { readonly type: 'step' | 'commit' | 'answer' | 'lose' | 'giveBack'; readonly who: number }
  | { readonly type: 'pass'; readonly ms: number }
  | { readonly type: 'delete' };

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant('step' as const), who: fc.nat(2) }) },
  { weight: 5, arbitrary: fc.record({ type: fc.constant('commit' as const), who: fc.nat(2) }) },
  { weight: 5, arbitrary: fc.record({ type: fc.constant('answer' as const), who: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('lose' as const), who: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('giveBack' as const), who: fc.nat(2) }) },
  // Mostly so little that much happens within one term.
  { weight: 3, arbitrary: fc.record({ type: fc.constant('pass' as const), ms: fc.nat(800) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('pass' as const), ms: fc.nat(8_000) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('delete' as const) }) },
);

/** An API server, candidates whose clocks began at different times, and calls that take any time. */
class Model {
  #now = 0;
  #version = 0;
  #lease: Lease | undefined;
  terms = 0;
  readonly all: ModelCandidate[] = [0, 1, 2].map((i) => ({
    candidate: { identity: `c${i}`, timing: ELECTION_TIMING },
    state: BEGINNING,
    call: undefined,
    late: [],
    released: false,
  }));

  leaders(): string[] {
    return this.all
      .filter(({ state, released }, i) => !released && leads(state, this.#clockOf(i)))
      .map(({ candidate }) => candidate.identity);
  }

  run(command: Command): void {
    switch (command.type) {
      case 'pass':
        this.#now += command.ms;
        return;
      case 'delete':
        // A hold that a candidate never saw it cannot wait out: there the terms of the hub decide.
        if (this.all.every(({ state }) => state.seen?.lease?.resourceVersion === this.#lease?.resourceVersion))
          this.#lease = undefined;
        return;
      case 'step':
        this.#step(command.who);
        return;
      case 'giveBack':
        this.#giveBack(command.who);
        return;
      case 'commit':
        this.#commit(command.who);
        return;
      case 'lose':
      case 'answer':
        this.#answer(command.who, command.type === 'lose');
    }
  }

  #step(who: number): void {
    const one = this.all[who]!;
    if (one.call || one.released) return;
    const action = decide(one.state, one.candidate, this.#clockOf(who), 0);
    if (action.type === 'Wait') one.state = afterWait(one.state);
    else one.call = { action, sentAt: this.#clockOf(who) };
  }

  /** It stops acting as leader first, and only then gives it back. */
  #giveBack(who: number): void {
    const one = this.all[who]!;
    if (one.call || !leads(one.state, this.#clockOf(who))) return;
    const action = releasing(one.state, one.candidate.identity, 0);
    one.released = true;
    if (action) one.call = { action, sentAt: this.#clockOf(who) };
  }

  #commit(who: number): void {
    const { call, late } = this.all[who]!;
    const lateAction = late.shift();
    if (lateAction) this.#carryOut(lateAction, 0);
    else if (call && !call.answer) call.answer = this.#carryOut(call.action, call.sentAt);
  }

  #carryOut(action: ElectionAction, sentAt: number): ElectionAnswer {
    if (action.type === 'Read' || action.type === 'Wait') return { type: 'Found', lease: this.#lease };
    const expected = action.type === 'Replace' ? action.resourceVersion : undefined;
    if (this.#lease?.resourceVersion !== expected) return { type: 'Failed' };
    // Two renewals of one moment would be told apart by their times.
    const record = { ...action.record, renewedAt: `${this.#version}` };
    this.#lease = { record, resourceVersion: String(++this.#version) };
    return { type: 'Written', lease: this.#lease, sentAt };
  }

  #answer(who: number, isLost: boolean): void {
    const one = this.all[who]!;
    const { call } = one;
    if (!call || (!call.answer && !isLost)) return;
    one.call = undefined;
    if (!call.answer) one.late.push(call.action);
    const wasLeading = leads(one.state, this.#clockOf(who));
    const answer = isLost || !call.answer ? { type: 'Failed' as const } : call.answer;
    one.state = afterAnswer(one.state, answer, one.candidate, this.#clockOf(who));
    if (!wasLeading && leads(one.state, this.#clockOf(who))) this.terms += 1;
  }

  #clockOf(who: number): number {
    return this.#now + who * 1_000_000;
  }
}

describe('several candidates', () => {
  test('never lead at once, however their calls, losses, pauses and deletions of the Lease interleave', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 300, size: 'max' }), (commands) => {
        const model = new Model();
        for (const command of commands) {
          model.run(command);
          expect(model.leaders().length).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('do get to lead, one after the other, so that the law above is not empty', () => {
    const samples = fc.sample(fc.array(command, { minLength: 200, maxLength: 200 }), { numRuns: 200, seed: 7 });
    const terms = samples.map((commands) => {
      const model = new Model();
      for (const command of commands) model.run(command);
      return model.terms;
    });
    expect(Math.max(...terms)).toBeGreaterThan(2);
  });
});
