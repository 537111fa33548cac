import { describe, expect, test } from 'vitest';
import { utf8Bytes } from '../../contract/encoding.ts';
import { Chance } from './chance.ts';
import { LaggingKv } from './lagging-kv.ts';
import { VirtualClock } from './virtual-clock.ts';

async function kvAndClock(seed = 1) {
  const clock = new VirtualClock(1_000_000);
  const kv = new LaggingKv(clock, new Chance(seed));
  const soon = <T>(call: Promise<T>) => clock.pass(call, 1_000);
  return { clock, kv, soon };
}

/** Every second for two minutes, what some place shows. */
async function watched(seed: number, change: (kv: LaggingKv) => void): Promise<(string | null)[]> {
  const { clock, kv, soon } = await kvAndClock(seed);
  kv.write('k', utf8Bytes('old'));
  await clock.advance(200_000);
  const far = kv.at('far');
  await soon(far.get('k', 'text'));
  change(kv);
  const seen: (string | null)[] = [];
  for (let i = 0; i < 120; i++) {
    seen.push(await soon(far.get('k', 'text')));
    await clock.advance(1_000);
  }
  return seen;
}

const SEEDS = Array.from({ length: 20 }, (_, i) => i);

describe('KV far from the writer', () => {
  test('shows a write at some time within a minute, and for good after that', async () => {
    const runs = await Promise.all(SEEDS.map((seed) => watched(seed, (kv) => kv.write('k', utf8Bytes('new')))));
    for (const seen of runs) expect(seen.slice(61).every((value) => value === 'new')).toBe(true);
    expect(runs.some((seen) => seen[20] === 'old')).toBe(true);
  });

  test('shows what was deleted for as long', async () => {
    const runs = await Promise.all(SEEDS.map((seed) => watched(seed, (kv) => kv.write('k', null))));
    for (const seen of runs) expect(seen.slice(61).every((value) => value === null)).toBe(true);
    expect(runs.some((seen) => seen[20] === 'old')).toBe(true);
  });

  test('remembers that a key was missing', async () => {
    const misses = await Promise.all(
      SEEDS.map(async (seed) => {
        const { clock, kv, soon } = await kvAndClock(seed);
        const far = kv.at('far');
        expect(await soon(far.get('k', 'text'))).toBeNull();
        await soon(kv.at('hub').put('k', 'there'));
        await clock.advance(10_000);
        return (await soon(far.get('k', 'text'))) === null;
      }),
    );
    expect(misses).toContain(true);
    expect(misses).toContain(false);
  });

  test('shows a writer what it wrote itself, or soon does', async () => {
    const { clock, kv, soon } = await kvAndClock();
    const hub = kv.at('hub');
    await soon(hub.put('k', 'one'));
    await clock.advance(61_000);
    expect(await soon(hub.get('k', 'text'))).toBe('one');
  });

  test('reads several keys at once, and bytes', async () => {
    const { clock, kv, soon } = await kvAndClock();
    kv.write('a', new Uint8Array([1, 2]));
    await clock.advance(61_000);
    const far = kv.at('far');
    expect(await soon(far.get('a', 'arrayBuffer'))).toEqual(new Uint8Array([1, 2]).buffer);
    expect(await soon(far.get(['a', 'b'], 'text'))).toEqual(
      new Map([
        ['a', '\u0001\u0002'],
        ['b', null],
      ]),
    );
  });

  test('takes one write a second for each key', async () => {
    const { clock, kv, soon } = await kvAndClock();
    const hub = kv.at('hub');
    await soon(hub.put('k', 'one'));
    await expect(soon(hub.put('k', 'two'))).rejects.toThrow('429');
    await soon(hub.put('other', 'one'));
    await clock.advance(1_000);
    await soon(hub.put('k', 'three'));
  });

  test('forgets what was put for a time, and refuses a time of less than a minute', async () => {
    const { clock, kv, soon } = await kvAndClock();
    const hub = kv.at('hub');
    await soon(hub.put('k', 'one', { expirationTtl: 60 }));
    await clock.advance(61_000);
    expect(await soon(hub.get('k', 'text'))).toBeNull();
    await expect(soon(hub.put('k', 'two', { expirationTtl: 59 }))).rejects.toThrow('400');
  });

  test('fails, or hangs, while it is down', async () => {
    const { kv, clock, soon } = await kvAndClock();
    kv.condition = 'failing';
    await expect(soon(kv.at('far').get('k', 'text'))).rejects.toThrow('503');
    kv.condition = 'hanging';
    await expect(soon(kv.at('far').get('k', 'text'))).rejects.toThrow('did not happen');
    kv.condition = 'up';
    expect(kv.wasTroubledSince(clock.now())).toBe(true);
    expect(await soon(kv.at('far').get('k', 'text'))).toBeNull();
  });

  test('says what may be shown where, so that nothing else is ever seen', async () => {
    const { clock, kv } = await kvAndClock();
    const text = () => kv.showable('k').map((bytes) => bytes && new TextDecoder().decode(bytes));
    expect(text()).toEqual([null]);
    kv.write('k', utf8Bytes('one'));
    expect(text()).toEqual(['one', null]);
    await clock.advance(61_000);
    expect(text()).toEqual(['one']);
    kv.write('k', utf8Bytes('two'));
    expect(text()).toEqual(['one', 'two']);
    await clock.advance(61_000);
    expect(text()).toEqual(['two']);
  });
});
