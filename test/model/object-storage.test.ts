import { describe, expect, test } from 'vitest';
import { ObjectStorage } from './object-storage.ts';
import { VirtualClock } from './virtual-clock.ts';

const silent = async () => undefined;

describe('the storage of a Durable Object', () => {
  test('gives back what was stored, bytes as bytes', () => {
    const { sql } = new ObjectStorage(new VirtualClock(0), silent).open();
    sql.exec('CREATE TABLE IF NOT EXISTS a (x TEXT, y BLOB); CREATE TABLE IF NOT EXISTS b (z INTEGER);');
    sql.exec('INSERT INTO a (x, y) VALUES (?, ?)', 'one', new Uint8Array([1, 2]).buffer);
    expect(sql.exec('SELECT * FROM a').one()).toEqual({ x: 'one', y: new Uint8Array([1, 2]).buffer });
    expect(sql.exec('SELECT * FROM b').toArray()).toEqual([]);
  });

  test('refuses a value, and a row, of more than 2 MB', () => {
    const { sql } = new ObjectStorage(new VirtualClock(0), silent).open();
    sql.exec('CREATE TABLE a (x, y)');
    expect(() => sql.exec('INSERT INTO a VALUES (?, 1)', new ArrayBuffer(2_000_001))).toThrow('too big');
    const half = 'a'.repeat(1_000_001);
    expect(() => sql.exec('INSERT INTO a VALUES (?, ?)', half, half)).toThrow('too big');
    sql.exec('INSERT INTO a VALUES (?, 1)', half);
  });

  test('takes back a transaction that throws, and only that', () => {
    const { sql, transactionSync } = new ObjectStorage(new VirtualClock(0), silent).open();
    sql.exec('CREATE TABLE a (x)');
    transactionSync(() => sql.exec('INSERT INTO a VALUES (1)'));
    const failing = () =>
      transactionSync(() => {
        sql.exec('INSERT INTO a VALUES (2)');
        throw new Error('no');
      });
    expect(failing).toThrow('no');
    expect(sql.exec('SELECT x FROM a').toArray()).toEqual([{ x: 1 }]);
  });

  test('outlives the object, which after its end writes no more', () => {
    const storage = new ObjectStorage(new VirtualClock(0), silent);
    const before = storage.open();
    before.sql.exec('CREATE TABLE a (x)');
    storage.close();
    expect(() => before.sql.exec('INSERT INTO a VALUES (1)')).toThrow('has ended');
    expect(storage.open().sql.exec('SELECT count(*) AS n FROM a').one()).toEqual({ n: 0 });
  });

  test('loses everything when it is wiped, the alarm too', async () => {
    const clock = new VirtualClock(0);
    let rings = 0;
    const storage = new ObjectStorage(clock, async () => void rings++);
    const { sql, setAlarm } = storage.open();
    sql.exec('CREATE TABLE a (x)');
    await setAlarm(1_000);
    storage.wipe();
    await clock.advance(5_000);
    expect(rings).toBe(0);
    expect(() => storage.open().sql.exec('SELECT * FROM a')).toThrow('no such table');
  });

  test('rings when the alarm is due, once, and again where the handler failed', async () => {
    const clock = new VirtualClock(0);
    const rings: number[] = [];
    const storage = new ObjectStorage(clock, async () => {
      rings.push(clock.now());
      if (rings.length < 3) throw new Error('cut off');
    });
    const { setAlarm, getAlarm } = storage.open();
    await setAlarm(1_000);
    expect(await getAlarm()).toBe(1_000);
    await clock.advance(60_000);
    expect(rings).toEqual([1_000, 3_000, 7_000]);
    expect(await getAlarm()).toBeNull();
  });

  test('never rings while its handler runs: what is due meanwhile follows', async () => {
    const clock = new VirtualClock(0);
    const rings: number[] = [];
    const storage = new ObjectStorage(clock, async () => {
      rings.push(clock.now());
      await clock.sleep(5_000);
    });
    const { setAlarm } = storage.open();
    await setAlarm(1_000);
    await clock.advance(2_000);
    await setAlarm(3_000);
    await clock.advance(60_000);
    expect(rings).toEqual([1_000, 6_000]);
  });
});
