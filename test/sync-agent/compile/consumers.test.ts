import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Resource } from '../../../crds/parse-resource.ts';
import { compile } from '../../../sync-agent/compile/compile.ts';
import { conditionOf, entriesOf, faultsOf, keysOf } from '../../support/read-compilation.ts';
import { EDGE, consumer, edgeGateway, edgeKeys, secret } from '../../support/resource-builders.ts';

const compiled = (...more: Resource[]) => compile([edgeGateway(), edgeKeys(), ...more], EDGE);
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const key = (name: string, digest: string) => ({ name, type: 'SHA256' as const, sha256: digest });

describe('consumers', () => {
  test('each key is an entry under its digest, and stands in the key index', () => {
    const compilation = compiled(
      consumer({
        team: 'search',
        keys: [key('old', sha256('a')), { ...key('new', sha256('b')), expiresAt: '2027-01-01T00:00:00Z' }],
        allowedModels: ['gpt-*'],
        metadata: { owner: 'ann' },
      }),
    );
    const common = { id: 'team/consumer', team: 'search', allowedModels: ['gpt-*'], metadata: { owner: 'ann' } };
    expect(entriesOf(compilation, 'consumers')).toEqual({
      [sha256('a')]: { ...common, key: 'old' },
      [sha256('b')]: { ...common, key: 'new', expiresAt: '2027-01-01T00:00:00Z' },
    });
    expect(new Set(keysOf(compilation))).toEqual(
      new Set([sha256('a'), sha256('b')].map((digest) => digest.slice(0, 32))),
    );
    expect(compilation.counts.consumers).toBe(1);
  });

  test('a key in a Secret leaves the cluster as its digest only', () => {
    const spec = { keys: [{ name: 'k', type: 'SecretRef' as const, secretRef: { name: 'app', key: 'token' } }] };
    const compilation = compiled(consumer(spec), secret({ token: 'sk-fairlead-app\n' }, { name: 'app' }));
    expect(Object.keys(entriesOf(compilation, 'consumers'))).toEqual([sha256('sk-fairlead-app')]);
    expect(compilation.secrets).toEqual([]);
    expect(faultsOf(compiled(consumer(spec)), 'Consumer/team/consumer')).toEqual(['ResolvedRefs=False/SecretNotFound']);
  });

  test('a key that two consumers have stays with the older; the other keeps its other keys', () => {
    const compilation = compiled(
      consumer({ keys: [key('first', sha256('a'))] }, { name: 'old', day: 1 }),
      consumer({ keys: [key('same', sha256('a')), key('own', sha256('b'))] }, { name: 'new', day: 2 }),
    );
    const entries = entriesOf(compilation, 'consumers');
    expect([entries[sha256('a')]?.id, entries[sha256('b')]?.id]).toEqual(['team/old', 'team/new']);
    expect(conditionOf(compilation, 'Consumer/team/new', 'Accepted')).toMatchObject({
      reason: 'Conflicted',
      message:
        'The key same is also the key first of Consumer team/old, which is older, and stays with that: make another key.',
    });
    expect(faultsOf(compilation, 'Consumer/team/old')).toEqual([]);
  });

  test('a digest made up to collide in the key index cannot stop the publishing', () => {
    const forged = sha256('a').slice(0, 32) + 'f'.repeat(32);
    const compilation = compiled(
      consumer({ keys: [key('k', sha256('a'))] }, { name: 'old', day: 1 }),
      consumer({ keys: [key('k', forged)] }, { name: 'new', day: 2 }),
    );
    expect(keysOf(compilation)).toEqual([sha256('a').slice(0, 32)]);
  });

  test('digests made up to fill one bucket leave the newest out', () => {
    const metadata = Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`key-${i}`, 'x'.repeat(256)]));
    const flood = Array.from({ length: 10 }, (_, n) =>
      consumer(
        { metadata, keys: Array.from({ length: 16 }, (_, i) => key(`k${i}`, `000${sha256(`${n}.${i}`).slice(3)}`)) },
        { name: `flood-${n}`, day: 1 + n },
      ),
    );
    const compilation = compiled(...flood);
    for (const { bytes } of compilation.sections.consumers) expect(bytes.length).toBeLessThanOrEqual(1024 * 1024);
    expect(faultsOf(compilation, 'Consumer/team/flood-0')).toEqual([]);
    expect(faultsOf(compilation, 'Consumer/team/flood-9')).toEqual(['Accepted=False/Invalid']);
  });
});
