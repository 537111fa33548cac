import { describe, expect, test } from 'vitest';
import { SharedLoad } from '../../../worker/table/shared-load.ts';

describe('a load that several requests want', () => {
  test('runs once, and everyone gets what it left', async () => {
    const { load, finish, loads } = controlled();
    const both = Promise.all([load.value(), load.value(), load.value()]);
    finish('value');
    expect(await both).toEqual(['value', 'value', 'value']);
    expect(loads()).toBe(1);
  });

  test('whose starter was cancelled keeps nobody waiting: after a while one loads for oneself', async () => {
    const { load, finish, loads } = controlled({ patienceMs: 30 });
    void load.value();
    const waiter = load.value();
    await until(() => loads() === 2);
    finish('value', 1);
    expect(await waiter).toBe('value');
  });

  test('that is dead past its deadline is not waited for at all', async () => {
    let time = 0;
    const { load, loads } = controlled({ deadlineMs: 10_000, patienceMs: 60_000, now: () => time });
    void load.value();
    time = 10_000;
    void load.value();
    expect(loads()).toBe(2);
  });

  test('that fails, fails for those who waited for it, and not for who comes after', async () => {
    const { load, fail, finish, loads } = controlled();
    const both = Promise.allSettled([load.value(), load.value()]);
    fail(new Error('the hub is down'));
    expect((await both).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    const later = load.value();
    finish('value', 1);
    expect(await later).toBe('value');
    expect(loads()).toBe(2);
  });

  test('is given up at its deadline, and told so', async () => {
    const { load, signals } = controlled({ deadlineMs: 20 });
    await expect(load.value()).rejects.toThrow('took too long');
    expect(signals[0]?.aborted).toBe(true);
  });

  test('is kept alive beyond the request that started it', async () => {
    const { load, finish, kept } = controlled();
    load.start();
    load.start();
    expect(kept).toHaveLength(1);
    finish('value');
    await kept[0];
    void load.value();
    expect(kept).toHaveLength(2);
  });

  test('that fails in the background troubles nobody', async () => {
    const { load, fail, kept } = controlled();
    load.start();
    fail(new Error('the hub is down'));
    await expect(kept[0]).resolves.toBeUndefined();
  });
});

function controlled(change: { deadlineMs?: number; patienceMs?: number; now?: () => number } = {}) {
  let value: string | undefined;
  const running: { resolve: (value: string) => void; reject: (error: Error) => void }[] = [];
  const signals: AbortSignal[] = [];
  const kept: Promise<unknown>[] = [];
  const load = new SharedLoad<string>({
    read: () => value,
    load: async (signal) => {
      signals.push(signal);
      value = await new Promise<string>((resolve, reject) => {
        running.push({ resolve, reject });
      });
    },
    deadlineMs: 5_000,
    patienceMs: 5_000,
    now: Date.now,
    sleep: (ms) => new Promise((wake) => setTimeout(wake, ms)),
    waitUntil: (promise) => void kept.push(promise),
    ...change,
  });
  return {
    load,
    signals,
    kept,
    loads: () => running.length,
    finish: (result: string, which = 0) => running[which]!.resolve(result),
    fail: (error: Error, which = 0) => running[which]!.reject(error),
  };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((wake) => setTimeout(wake, 5));
}
