import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_BUCKET_BYTES, TARGET_BUCKET_BYTES, bucketOf } from '../../../contract/buckets.ts';
import { canonicalJson } from '../../../contract/canonical-json.ts';
import { sha256Hex } from '../../../contract/encoding.ts';
import { Section } from '../../../sync-agent/compile/section.ts';

const entry = (i: number, bytes = 400) => ({
  id: `team/model-${i}`,
  json: JSON.stringify({ name: 'x'.repeat(bytes) }),
});
const filled = (entries: readonly { id: string; json: string }[]) => {
  const section = new Section('models');
  for (const one of entries) section.put(one);
  return section;
};
const hashesOf = (section: Section) => section.blobs().map(({ sha256 }) => sha256);

describe('the buckets of a section', () => {
  test('an empty section has none, one entry has one', () => {
    expect(new Section('models').blobs()).toEqual([]);
    expect(filled([entry(1)]).blobs()).toHaveLength(1);
  });

  test('the union of the buckets is the entries, each where it is looked for', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 5000 }), { maxLength: 400 }),
        fc.integer({ min: 1, max: 2000 }),
        (numbers, bytes) => {
          const entries = numbers.map((i) => entry(i, bytes));
          const section = filled(entries);
          const blobs = section.blobs();
          const texts = blobs.map((blob) => new TextDecoder().decode(blob.bytes));
          const found = texts.flatMap((text) => Object.entries(JSON.parse(text)));
          expect(Object.fromEntries(found)).toEqual(
            Object.fromEntries(entries.map(({ id, json }) => [id, JSON.parse(json)])),
          );
          for (const text of texts) expect(canonicalJson(JSON.parse(text))).toBe(text);
          for (const { id } of entries) {
            const blob = blobs.find(({ sha256 }) => sha256 === bucketOf('models', id, hashesOf(section)));
            expect(new TextDecoder().decode(blob?.bytes)).toContain(`"${id}"`);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  test('there are as few as keep each within the target', () => {
    const blobs = filled(Array.from({ length: 2000 }, (_, i) => entry(i))).blobs();
    expect(blobs).toHaveLength(16);
    for (const { bytes } of blobs) expect(bytes.length).toBeLessThanOrEqual(TARGET_BUCKET_BYTES);
  });

  test('one huge entry does not multiply the buckets of the others', () => {
    const section = filled([entry(0, 200_000), ...Array.from({ length: 100 }, (_, i) => entry(i + 1))]);
    expect(section.blobs().length).toBeLessThanOrEqual(64);
    for (const { bytes } of section.blobs()) expect(bytes.length).toBeLessThanOrEqual(MAX_BUCKET_BYTES);
  });

  test('each is named by the SHA-256 of its bytes', async () => {
    for (const { sha256, bytes } of filled([entry(1), entry(2)]).blobs()) expect(sha256).toBe(await sha256Hex(bytes));
  });

  test('a change renders the one bucket that it touches', () => {
    const section = filled(Array.from({ length: 2000 }, (_, i) => entry(i)));
    const before = section.blobs();
    section.put({ id: 'team/model-7', json: '{"name":"y"}' });
    const after = section.blobs();
    expect(after.filter((blob, i) => blob !== before[i])).toHaveLength(1);
    section.put(entry(7));
    expect(hashesOf(section)).toEqual(before.map(({ sha256 }) => sha256));
  });

  test('entries that come and go leave no trace', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(30), fc.boolean()), { maxLength: 60 }), (steps) => {
        const section = new Section('models');
        const left = new Map<number, true>();
        for (const [i, put] of steps) {
          if (put) section.put(entry(i, 3000));
          else section.remove(entry(i).id);
          if (put) left.set(i, true);
          else left.delete(i);
          section.blobs();
        }
        expect(hashesOf(section)).toEqual(hashesOf(filled([...left.keys()].map((i) => entry(i, 3000)))));
      }),
    );
  });
});
