import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sha256Hex, utf8Bytes } from '../../contract/encoding.ts';
import { signPointer, verifyPointer } from '../../contract/revision.ts';
import { Chance } from './chance.ts';
import { Life, outside, within } from './life.ts';
import { LocationCache } from './location-cache.ts';
import { EDGE, keyInTurn, STRANGER } from './model-clusters.ts';
import { modelTable } from './model-tables.ts';
import { Network } from './network.ts';
import { installVirtualGlobals } from './virtual-globals.ts';
import { VirtualClock } from './virtual-clock.ts';
import { waitUntil, WorkerRequest } from './worker-request.ts';

let clock: VirtualClock;
let restoreGlobals: () => void;
beforeEach(() => {
  clock = new VirtualClock(0);
  restoreGlobals = installVirtualGlobals(clock);
});
afterEach(() => restoreGlobals());

const after = (ms: number) => new Promise<void>((wake) => void setTimeout(wake, ms));

describe('the clock of a run', () => {
  test('fires in the order of time, and what is planned meanwhile too', async () => {
    const fired: string[] = [];
    setTimeout(() => fired.push('late'), 30);
    setTimeout(() => {
      fired.push('early');
      setTimeout(() => fired.push('between'), 10);
    }, 10);
    clearTimeout(setTimeout(() => fired.push('never'), 15));
    await clock.advance(25);
    expect(fired).toEqual(['early', 'between']);
    await clock.advance(5);
    expect(fired).toEqual(['early', 'between', 'late']);
  });

  test('lets a week pass in no time', async () => {
    const week = after(7 * 86_400_000).then(() => clock.now());
    expect(await clock.pass(week, 8 * 86_400_000)).toBe(7 * 86_400_000);
  });

  test('ends signals that have a timeout', async () => {
    const signal = AbortSignal.timeout(2_000);
    await clock.advance(1_999);
    expect(signal.aborted).toBe(false);
    await clock.advance(1);
    expect(signal.aborted).toBe(true);
  });
});

describe('cryptography that answers at once', () => {
  test('hashes as the real one', async () => {
    expect(await sha256Hex(utf8Bytes('abc'))).toMatch(/^ba7816bf8f01cfea/);
  });

  test('signs and verifies as the real one', async () => {
    const key = keyInTurn('alpha', 0);
    const { sections } = modelTable('alpha', 1);
    const generation = { term: 1, sequence: 1 };
    const issuedAt = '2026-01-01T00:00:00.000Z';
    const pointer = {
      schemaVersion: 1,
      edge: EDGE,
      cluster: 'alpha',
      clusterUid: 'u',
      generation,
      replaces: null,
      issuedAt,
      sections,
    };
    const signed = await signPointer(pointer, key.signing);
    restoreGlobals();
    expect(await signPointer(pointer, key.signing)).toBe(signed);
    restoreGlobals = installVirtualGlobals(clock);
    expect(await verifyPointer(signed, () => key.verifying)).toEqual(pointer);
    await expect(verifyPointer(signed, () => STRANGER.verifying)).rejects.toThrow('does not verify');
  });
});

describe('a life', () => {
  test('that has ended gets no answer and fires no timer', async () => {
    const life = new Life();
    const seen: string[] = [];
    life.run(() => {
      setTimeout(() => seen.push('timer'), 10);
      void outside(async () => clock.sleep(10)).then(() => seen.push('answer'));
    });
    await clock.advance(5);
    life.end();
    await clock.advance(50);
    expect(seen).toEqual([]);
  });

  test('that ends fails those who wait for it from outside', async () => {
    const life = new Life();
    const call = within(life, () => after(100), 'the hub');
    const outcome = call.catch(String);
    await clock.advance(50);
    life.end();
    expect(await outcome).toContain('the hub is gone');
  });
});

describe('a request in an isolate', () => {
  test('goes on after its answer for what it handed to waitUntil, and for nothing else', async () => {
    const done: string[] = [];
    const request = new WorkerRequest(clock);
    const answer = request.handle(async () => {
      void after(5_000).then(() => done.push('dropped'));
      waitUntil(after(3_000).then(() => done.push('kept')));
      return 'answer';
    });
    expect(await answer).toBe('answer');
    await clock.advance(60_000);
    expect(done).toEqual(['kept']);
  });

  test('is cut off thirty seconds after its answer', async () => {
    const done: string[] = [];
    const request = new WorkerRequest(clock);
    await request.handle(async () => {
      waitUntil(after(29_000).then(() => done.push('in time')));
      waitUntil(after(31_000).then(() => done.push('too late')));
    });
    await clock.advance(60_000);
    expect(done).toEqual(['in time']);
    expect(request.ended).toBe(true);
  });

  test('whose client leaves loses what it was doing, and gives no answer', async () => {
    const done: string[] = [];
    const request = new WorkerRequest(clock);
    const outcome = request.handle(() => after(100).then(() => done.push('done'))).catch(String);
    await clock.advance(50);
    request.leave();
    await clock.advance(1_000);
    expect(done).toEqual([]);
    expect(await outcome).toContain('the request is gone');
  });
});

describe('the network', () => {
  const delivered = async (mishap: 'lost-request' | 'lost-answer' | 'hang' | 'late-answer' | 'sent-twice' | 'pass') => {
    const network = new Network(clock, new Chance(1), 20);
    network.expect([mishap]);
    let arrived = 0;
    const call = network.call(async () => ++arrived).then(String, String);
    await clock.advance(60_000);
    return { arrived, outcome: await Promise.race([call, Promise.resolve('nothing')]) };
  };

  test.each([
    ['pass', 1, '1'],
    ['lost-request', 0, 'Error: the connection broke'],
    ['lost-answer', 1, 'Error: the connection broke before the answer'],
    ['hang', 0, 'nothing'],
    ['late-answer', 1, '1'],
    ['sent-twice', 2, '1'],
  ] as const)('%s', async (mishap, arrived, outcome) => {
    expect(await delivered(mishap)).toEqual({ arrived, outcome });
  });

  test('fails every call while it is cut', async () => {
    const network = new Network(clock, new Chance(1), 20);
    network.cut = 'refused';
    await expect(
      clock.pass(
        network.call(async () => 1),
        1_000,
      ),
    ).rejects.toThrow('broke');
    network.heal();
    expect(
      await clock.pass(
        network.call(async () => 1),
        1_000,
      ),
    ).toBe(1);
  });
});

describe('the cache of a location', () => {
  test('gives back what was put until its age is up, or it forgets', async () => {
    const cache = new LocationCache(clock, new Chance(1));
    const found = async () => (await clock.pass(cache.match('https://a.example/t'), 1_000))?.text();
    const put = async () => {
      const response = new Response(new Blob(['one ', 'two']), { headers: { 'cache-control': 'max-age=60' } });
      await clock.pass(cache.put('https://a.example/t', response), 1_000);
    };
    await put();
    expect(await found()).toBe('one two');
    await clock.advance(60_000);
    expect(await found()).toBeUndefined();
    await put();
    cache.forget();
    expect(await found()).toBeUndefined();
  });
});
