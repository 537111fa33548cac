import { describe, expect, test } from 'vitest';
import { canonicalJson, type Json } from '../../../contract/canonical-json.ts';
import type { ProviderEntry } from '../../../contract/routing-table.ts';
import type { Blob, SecretToSeal, UsableProvider } from '../../../sync-agent/compile/compilation.ts';
import { Section } from '../../../sync-agent/compile/section.ts';
import { compile } from '../../../sync-agent/compile/compile.ts';
import type { OldTable } from '../../../sync-agent/guards/old-table.ts';
import { rollBack, unitedSecrets } from '../../../sync-agent/guards/roll-back.ts';
import { EDGE, edgeGateway, edgeKeys, model, provider, route, secret } from '../../support/resource-builders.ts';
import { compileSeen, inferenceService } from '../../support/service-builders.ts';

const OLD = 'a'.repeat(64);
const OLD_HEADER = 'b'.repeat(64);
const NOW = 'c'.repeat(64);
const NOW_HEADER = 'd'.repeat(64);

function section(kind: 'providers' | 'secrets', entries: Readonly<Record<string, Json>>): readonly Blob[] {
  const built = new Section(kind);
  for (const [id, entry] of Object.entries(entries)) built.put({ id, json: canonicalJson(entry) });
  return built.blobs();
}

function entriesIn(blobs: readonly Blob[]): Record<string, Json> {
  return Object.assign({}, ...blobs.map(({ bytes }) => JSON.parse(new TextDecoder().decode(bytes))));
}

/** A provider with a key and a secret header, as an entry of the table. */
function entry(key: string, header: string, more: Partial<ProviderEntry> = {}) {
  return {
    dialect: 'OpenAI' as const,
    baseURL: 'https://api.example.com/v1',
    auth: { credential: { type: 'Sealed' as const, id: key } },
    headers: [
      { name: 'x-plain', type: 'Value' as const, value: 'v' },
      { name: 'x-token', type: 'Sealed' as const, id: header },
    ],
    timeouts: {},
    allow: { privateAddresses: false, plainText: false },
    ...more,
  };
}

function oldTable(providers: Readonly<Record<string, Json>>): OldTable {
  const secrets = {
    [OLD]: { sealed: 'old key' },
    [OLD_HEADER]: { sealed: 'old header' },
    ['e'.repeat(64)]: { sealed: 'x' },
  };
  return {
    schemaVersion: 1,
    blobs: {
      routes: [],
      models: [],
      consumers: [],
      keys: [],
      providers: section('providers', providers),
      secrets: section('secrets', secrets),
    },
  };
}

function secretOf(id: string, origin = 'https://api.example.com'): SecretToSeal {
  return { id, value: `value of ${id}`, provider: 'ai/p', origins: [origin] };
}

function usable(provider: ProviderEntry, ...secrets: SecretToSeal[]): ReadonlyMap<string, UsableProvider> {
  return new Map([['ai/p', { entry: provider, secrets }]]);
}

const old = oldTable({ 'ai/p': entry(OLD, OLD_HEADER) });

describe('an old table that is taken back up', () => {
  test('names the secrets of now wherever its provider has one in the same place', () => {
    const current = usable(entry(NOW, NOW_HEADER), secretOf(NOW), secretOf(NOW_HEADER));
    const { sections, secrets, kept } = rollBack(old, current);
    expect(entriesIn(sections.providers)).toEqual({ 'ai/p': entry(NOW, NOW_HEADER) });
    expect(secrets.map(({ id }) => id)).toEqual([NOW, NOW_HEADER]);
    expect([...kept]).toEqual([]);
  });

  test('is what it was otherwise: everything else of an entry is that of then', () => {
    const then = { ...entry(OLD, OLD_HEADER), timeouts: { total: 5 }, unheardOf: { deep: [1, null] } };
    const current = usable(entry(NOW, OLD_HEADER), secretOf(NOW), secretOf(OLD_HEADER));
    const { sections } = rollBack(oldTable({ 'ai/p': then }), current);
    const auth = { credential: { type: 'Sealed', id: NOW } };
    expect(entriesIn(sections.providers)).toEqual({ 'ai/p': { ...then, auth } });
  });

  test('keeps its bytes where no secret changed since', () => {
    const { sections } = rollBack(old, usable(entry(OLD, OLD_HEADER), secretOf(OLD), secretOf(OLD_HEADER)));
    expect(sections.providers).toBe(old.blobs.providers);
  });

  test.each<[string, ReadonlyMap<string, UsableProvider>]>([
    ['the provider is gone', new Map()],
    ['the provider has no credentials any more', usable(entry(NOW, NOW_HEADER, { auth: undefined, headers: [] }))],
    [
      'its key now comes from the worker',
      usable(entry(NOW, NOW_HEADER, { auth: { credential: { type: 'WorkerSecret', name: 'K' } }, headers: [] })),
    ],
    [
      'its key of now may go elsewhere only',
      usable(
        entry(NOW, NOW_HEADER, { baseURL: 'https://other.example.com' }),
        secretOf(NOW, 'https://other.example.com'),
        secretOf(NOW_HEADER, 'https://other.example.com'),
      ),
    ],
  ])('keeps the sealed secrets of then where %s', (_, current) => {
    const { sections, secrets, kept } = rollBack(old, current);
    expect(sections.providers).toBe(old.blobs.providers);
    expect(secrets).toEqual([]);
    expect(Object.fromEntries(kept)).toEqual({ [OLD]: { sealed: 'old key' }, [OLD_HEADER]: { sealed: 'old header' } });
  });

  test('chooses place by place', () => {
    const current = usable(entry(NOW, NOW_HEADER, { headers: [] }), secretOf(NOW));
    const { sections, secrets, kept } = rollBack(old, current);
    expect(entriesIn(sections.providers)).toEqual({ 'ai/p': entry(NOW, OLD_HEADER) });
    expect([secrets.map(({ id }) => id), [...kept.keys()]]).toEqual([[NOW], [OLD_HEADER]]);
  });

  test('goes by the binding where the provider is reached through one', () => {
    const bound = entry(OLD, OLD_HEADER, { binding: 'GPU' });
    const current = usable(entry(NOW, NOW_HEADER, { binding: 'GPU' }), secretOf(NOW, 'binding:GPU'));
    const { secrets, kept } = rollBack(oldTable({ 'ai/p': bound }), current);
    expect([secrets.map(({ id }) => id), [...kept.keys()]]).toEqual([[NOW], [OLD_HEADER]]);
  });

  test('leaves alone what names no secret', () => {
    const plain = { ...entry(OLD, OLD_HEADER), auth: { credential: { type: 'WorkerSecret', name: 'K' } }, headers: [] };
    const table = oldTable({ 'ai/p': plain, 'ai/q': { ...plain, auth: undefined } });
    const { sections, secrets, kept } = rollBack(table, usable(entry(NOW, NOW_HEADER), secretOf(NOW)));
    expect(sections.providers).toBe(table.blobs.providers);
    expect([secrets, [...kept]]).toEqual([[], []]);
  });
});

describe('the secrets of such a table', () => {
  const sealed = section('secrets', { [NOW]: { sealed: 'now' } });

  test('are those that are sealed now, as they are, where none is kept', () => {
    expect(unitedSecrets(sealed, new Map())).toBe(sealed);
  });

  test('are those and the kept ones', () => {
    const united = unitedSecrets(sealed, new Map([[OLD, { sealed: 'then' }]]));
    expect(entriesIn(united)).toEqual({ [NOW]: { sealed: 'now' }, [OLD]: { sealed: 'then' } });
  });
});

describe('an inference service of an old table', () => {
  const led = (value: string, phase: 'Ready' | 'Unavailable') => [
    edgeGateway(),
    edgeKeys(),
    route(),
    model({
      backends: [
        {
          name: 'gpus',
          type: 'InferenceService',
          inferenceServiceRef: { name: 'llama' },
          connectionRef: { name: 'provider' },
        },
      ],
    }),
    provider({ auth: { type: 'APIKey', apiKey: { type: 'SecretRef', secretRef: { name: 'it', key: 'k' } } } }),
    secret({ k: value }, { annotations: { 'fairlead.dev/hosts': 'api.example.com' } }),
    inferenceService({ phase }),
  ];

  test('gets the key of now, also while it cannot be called', () => {
    const before = compileSeen(led('sk-old', 'Ready'), { type: 'Seen', path: '', models: ['llama'] });
    const { usableProviders } = compile(led('sk-new', 'Unavailable'), EDGE);
    const blobs = {
      ...before.sections,
      secrets: section('secrets', { [before.secrets[0]?.id ?? '']: { sealed: 'x' } }),
    };
    const { secrets, kept } = rollBack({ schemaVersion: 1, blobs }, usableProviders);
    expect(secrets.map(({ value }) => value)).toEqual(['sk-new']);
    expect([...kept]).toEqual([]);
  });
});
