import { describe, expect, test } from 'vitest';
import { isStandIn, standInForUnread, unreadNote } from '../../../cli/places/unread-secrets.ts';
import { compile } from '../../../sync-agent/compile/compile.ts';
import type { Resource } from '../../../sync-agent/snapshot.ts';
import { consumer, EDGE, edgeGateway, edgeKeys, model, provider, route } from '../../support/resource-builders.ts';

const denied = (name: string, namespace = 'team'): Resource => ({
  kind: 'DeniedSecret',
  metadata: { namespace, name },
  command: 'kubectl create rolebinding …',
});

const KEYED = [
  edgeGateway(),
  edgeKeys(),
  route(),
  model(),
  provider({
    auth: { type: 'APIKey', apiKey: { type: 'SecretRef', secretRef: { name: 'upstream', key: 'key' } } },
    headers: [{ name: 'x-team', type: 'SecretKeyRef', secretKeyRef: { name: 'upstream', key: 'team' } }],
  }),
  consumer({ keys: [{ name: 'main', type: 'SecretRef', secretRef: { name: 'callers', key: 'one' } }] }),
  consumer(
    { keys: [{ name: 'main', type: 'SecretRef', secretRef: { name: 'callers', key: 'two' } }] },
    { name: 'two' },
  ),
];

describe('Secrets that a person may not read', () => {
  const settled = standInForUnread([...KEYED, denied('upstream'), denied('callers')], new Set());
  const compilation = compile(settled.resources, EDGE);

  test('keep nothing of what names them from being compiled', () => {
    const faults = [...compilation.conditions.values()]
      .flat()
      .filter(({ status, type }) => status === 'False' && type !== 'Programmed');
    expect(faults).toEqual([]);
    expect(compilation.counts).toEqual({ routes: 1, models: 1, providers: 1, consumers: 2 });
  });

  test('are made up, each value another, and can be told from real ones', () => {
    const values = compilation.secrets.map(({ value }) => value);
    expect(values).toHaveLength(2);
    expect(values.every(isStandIn)).toBe(true);
    expect(isStandIn('sk-real')).toBe(false);
  });

  test('are named, as are the consumers whose keys they hold', () => {
    expect(settled.unread).toEqual(['team/upstream', 'team/callers']);
    expect([...settled.consumers]).toEqual(['Consumer/team/consumer', 'Consumer/team/two']);
    expect(unreadNote(settled.unread)).toMatch(/^you may not read Secret team\/upstream, team\/callers: /);
    expect(unreadNote(['a/1', 'a/2', 'a/3', 'a/4', 'a/5', 'a/6', 'a/7'])).toContain('a/5 and 2 more:');
  });

  test('stay denied where what they hold cannot be made up', () => {
    const { resources, unread } = standInForUnread([denied('upstream')], new Set(['team/upstream']));
    expect({ resources, unread }).toEqual({ resources: [denied('upstream')], unread: [] });
  });
});
