/** Runs that chance seldom finds, told step by step: most were counterexamples once. */
import { expect, test } from 'vitest';
import type { Command, Step } from './commands.ts';
import { play } from './play.ts';

const HOUR_MS = 3_600_000;

/** @param told commands, each with the milliseconds that pass after it */
async function keepsAllLaws(...told: readonly [Command, number][]): Promise<boolean> {
  const steps: Step[] = told.map(([command, thenMs]) => ({ command, thenMs }));
  return (await play(1, steps)).ended;
}

const request = (key: number, which = 0): Command => ({ do: 'request', which, cluster: 'alpha', key });

test('an isolate that cannot load anything newer keeps what it serves, and the hub its blobs', async () => {
  const kept = await keepsAllLaws(
    [{ do: 'birth', place: 'ams' }, 5_000],
    [{ do: 'publish', cluster: 'alpha', agent: 0, table: 5 }, 75_000],
    [request(0), 5_000],
    [{ do: 'starve place', place: 'ams', on: true }, 0],
    [{ do: 'publish in a row', cluster: 'alpha', from: 0, times: 5 }, 5_000],
    [{ do: 'publish in a row', cluster: 'alpha', from: 0, times: 5 }, 5_000],
    [{ do: 'publish in a row', cluster: 'alpha', from: 0, times: 5 }, 5_000],
    [{ do: 'wait', ms: 12 * HOUR_MS }, 0],
    [request(1), 10_000],
    [{ do: 'wait', ms: 14 * HOUR_MS }, 0],
    [{ do: 'starve place', place: 'ams', on: false }, 0],
    [request(2), 5_000],
  );
  expect(kept).toBe(true);
});

test('a hub that was wiped, and an agent without memory, go on above what an isolate serves', async () => {
  const kept = await keepsAllLaws(
    [{ do: 'publish', cluster: 'alpha', agent: 0, table: 0 }, 5_000],
    [{ do: 'publish', cluster: 'alpha', agent: 0, table: 1 }, 5_000],
    [{ do: 'birth', place: 'ams' }, 5_000],
    [{ do: 'wipe hub' }, 300],
    [{ do: 'start agent', cluster: 'alpha', agent: 0, memory: 'none', through: 'edge' }, 0],
    [{ do: 'publish', cluster: 'alpha', agent: 0, table: 2 }, 5_000],
    [request(1), 5_000],
  );
  expect(kept).toBe(true);
});

test('what a wiped hub hears from an isolate after it granted a term counts for the push under it', async () => {
  const kept = await keepsAllLaws(
    [{ do: 'kv', condition: 'failing' }, 0],
    [{ do: 'birth', place: 'ams' }, 5_000],
    [{ do: 'publish', cluster: 'alpha', agent: 0, table: 0 }, 5_000],
    [{ do: 'publish', cluster: 'alpha', agent: 0, table: 1 }, 75_000],
    [request(0), 90_000],
    [{ do: 'start agent', cluster: 'alpha', agent: 0, memory: 'none', through: 'edge' }, 0],
    [{ do: 'wipe hub' }, 0],
    [{ do: 'agents meet', mishaps: ['pass', 'pass', 'late-answer'] }, 0],
    [{ do: 'publish', cluster: 'alpha', agent: 0, table: 2 }, 2_000],
    [request(0), 30_000],
  );
  expect(kept).toBe(true);
});

test('a wiped hub goes on above what KV shows', async () => {
  const kept = await keepsAllLaws(
    [{ do: 'publish', cluster: 'alpha', agent: 0, table: 0 }, 5_000],
    [{ do: 'wait', ms: 300_000 }, 0],
    [{ do: 'start agent', cluster: 'alpha', agent: 0, memory: 'none', through: 'edge' }, 0],
    [{ do: 'wipe hub' }, 0],
    [{ do: 'publish', cluster: 'alpha', agent: 0, table: 1 }, 5_000],
  );
  expect(kept).toBe(true);
});

test('two agents who hold one term, as after a wipe, replace only what they have seen', async () => {
  const kept = await keepsAllLaws(
    [{ do: 'kv', condition: 'failing' }, 0],
    [{ do: 'publish', cluster: 'alpha', agent: 0, table: 0 }, 5_000],
    [{ do: 'publish', cluster: 'alpha', agent: 0, table: 1 }, 5_000],
    [{ do: 'start agent', cluster: 'alpha', agent: 1, memory: 'none', through: 'edge' }, 0],
    [{ do: 'wipe hub' }, 0],
    [{ do: 'publish', cluster: 'alpha', agent: 1, table: 2 }, 5_000],
    [{ do: 'publish', cluster: 'alpha', agent: 0, table: 3 }, 5_000],
  );
  expect(kept).toBe(true);
});

test('after a wipe, two tables of one generation never stand side by side for long', async () => {
  const kept = await keepsAllLaws(
    [{ do: 'kv', condition: 'failing' }, 0],
    [{ do: 'publish', cluster: 'alpha', agent: 0, table: 0 }, 5_000],
    [{ do: 'birth', place: 'ams' }, 5_000],
    [{ do: 'start agent', cluster: 'alpha', agent: 0, memory: 'none', through: 'edge' }, 300],
    [{ do: 'wipe hub' }, 300],
    [{ do: 'publish', cluster: 'alpha', agent: 0, table: 1 }, 5_000],
    [{ do: 'kv', condition: 'up' }, 300],
  );
  expect(kept).toBe(true);
});

test('an old pointer that somebody put back into KV brings nothing back where the hub can be asked', async () => {
  const kept = await keepsAllLaws(
    [{ do: 'publish', cluster: 'alpha', agent: 0, table: 0 }, 5_000],
    [{ do: 'publish', cluster: 'alpha', agent: 0, table: 1 }, 180_000],
    [{ do: 'attack', cluster: 'alpha', what: 'old pointer', which: 0 }, 120_000],
    [{ do: 'birth', place: 'fra' }, 3_000],
    [{ do: 'cut hub', how: 'refused' }, 0],
    [{ do: 'birth', place: 'sin' }, 60_000],
    [{ do: 'cut hub', how: false }, 0],
    [request(1, 1), 60_000],
  );
  expect(kept).toBe(true);
});

test('a pointer that the cluster signed for another edge is not served, though nobody can be asked', async () => {
  const kept = await keepsAllLaws(
    [{ do: 'publish', cluster: 'alpha', agent: 0, table: 0 }, 5_000],
    [{ do: 'wait', ms: 300_000 }, 0],
    [{ do: 'attack', cluster: 'alpha', what: 'pointer for another edge', which: 0 }, 120_000],
    [{ do: 'cut hub', how: 'refused' }, 0],
    [{ do: 'birth', place: 'fra' }, 20_000],
  );
  expect(kept).toBe(true);
});

test('an eviction that an isolate has heard of holds for it, though the hub loses its memory of it', async () => {
  const killed: Command = { do: 'kill isolate', which: 0 };
  const kept = await keepsAllLaws(
    [{ do: 'birth', place: 'sin' }, 5_000],
    [{ do: 'publish', cluster: 'alpha', agent: 0, table: 0 }, 75_000],
    [request(0), 5_000],
    [killed, 0],
    [killed, 0],
    [killed, 0],
    [killed, 0],
    [{ do: 'evict', cluster: 'alpha' }, 5_000],
    [killed, 0],
    [{ do: 'birth', place: 'sin' }, 5_000],
    [{ do: 'wipe hub' }, 75_000],
    [request(1), 5_000],
  );
  expect(kept).toBe(true);
});

test('what lies in an inbox from before a wipe does not undo an eviction', async () => {
  const kept = await keepsAllLaws(
    [{ do: 'start agent', cluster: 'beta', agent: 0, memory: 'none', through: 'inbox' }, 3_000],
    [{ do: 'agents meet', mishaps: ['pass', 'pass', 'pass', 'lost-request'] }, 0],
    [{ do: 'publish', cluster: 'beta', agent: 0, table: 3 }, 1_000],
    [{ do: 'wipe hub' }, 0],
    [{ do: 'start agent', cluster: 'beta', agent: 0, memory: 'none', through: 'edge' }, 0],
    [{ do: 'evict', cluster: 'beta' }, 2_000],
    [{ do: 'request', which: 0, cluster: 'beta', key: 1 }, 180_000],
  );
  expect(kept).toBe(true);
});

test('while the hub hangs, KV gives a consumer whom an isolate meets for the first time', async () => {
  const kept = await keepsAllLaws(
    [{ do: 'publish in a row', cluster: 'alpha', from: 0, times: 2 }, 4_000],
    [request(0), 100],
    [{ do: 'wait', ms: 70_000 }, 0],
    [{ do: 'cut hub', how: 'hanging' }, 0],
    [request(1), 2_000],
    [request(0), 20_000],
  );
  expect(kept).toBe(true);
});

test('a table that shares a bucket with the one before does not wait for a load of that one', async () => {
  const kept = await keepsAllLaws(
    [{ do: 'birth', place: 'fra' }, 4_000],
    [{ do: 'publish', cluster: 'alpha', agent: 0, table: 1 }, 1_000],
    [request(0), 3_000],
    [{ do: 'publish', cluster: 'alpha', agent: 0, table: 0 }, 2_000],
    [{ do: 'publish', cluster: 'alpha', agent: 0, table: 1 }, 0],
    [{ do: 'kv', condition: 'failing' }, 2_100],
    [{ do: 'cut hub', how: 'hanging' }, 5],
    [{ do: 'request', which: 0, cluster: 'alpha', key: 1, leavesAfterMs: 1_200 }, 300],
  );
  expect(kept).toBe(true);
});
