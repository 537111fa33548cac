import { describe, expect, test } from 'vitest';
import { routeConflicts } from '../../../worker/table/route-conflicts.ts';

type Claim = Parameters<typeof routeConflicts>[0][number];

const claim = (id: string, change: Partial<Claim> = {}): Claim => ({
  id,
  hostnames: [],
  pathPrefix: '/',
  headers: [],
  models: ['demo'],
  ...change,
});

const conflictsWith = (own: Claim, earlier: Claim) =>
  routeConflicts([own], [{ cluster: 'prod', routes: [earlier] }]).map((conflict) => conflict.with.route);

describe('a route gives way to one of an earlier cluster', () => {
  test.each<[string, Partial<Claim>, Partial<Claim>]>([
    ['for every host', {}, {}],
    ['for one of its hosts', { hostnames: ['a.com', 'b.com'] }, { hostnames: ['b.com', 'c.com'] }],
    ['for one of its models', { models: ['a', 'b'] }, { models: ['b', 'c'] }],
    [
      'with the same headers in another order',
      {
        headers: [
          { name: 'x', value: '1' },
          { name: 'y', value: '2' },
        ],
      },
      {
        headers: [
          { name: 'y', value: '2' },
          { name: 'x', value: '1' },
        ],
      },
    ],
  ])('that meets the same requests: %s', (_, own, earlier) => {
    expect(conflictsWith(claim('lab/r', own), claim('prod/r', earlier))).toEqual(['prod/r']);
  });

  test.each<[string, Partial<Claim>, Partial<Claim>]>([
    ['another host', { hostnames: ['a.com'] }, { hostnames: ['b.com'] }],
    ['a more specific host', { hostnames: ['a.com'] }, { hostnames: ['*.com'] }],
    ['every host', {}, { hostnames: ['a.com'] }],
    ['another path', { pathPrefix: '/a' }, { pathPrefix: '/' }],
    ['another header', { headers: [{ name: 'x', value: '1' }] }, { headers: [{ name: 'x', value: '2' }] }],
    ['another model', { models: ['a'] }, { models: ['b'] }],
    ['no model at all', { models: [] }, { models: [] }],
  ])('but not for %s', (_, own, earlier) => {
    expect(conflictsWith(claim('lab/r', own), claim('prod/r', earlier))).toEqual([]);
  });

  test('once, and is told the earliest cluster that has it', () => {
    const own = claim('c/r', { hostnames: ['a.com', 'b.com'], models: ['x', 'y'] });
    const same = { hostnames: ['a.com', 'b.com'], models: ['x', 'y'] };
    const earlier = [
      { cluster: 'first', routes: [claim('a/r', same)] },
      { cluster: 'second', routes: [claim('b/r', same)] },
    ];
    expect(routeConflicts([own], earlier)).toEqual([{ route: 'c/r', with: { cluster: 'first', route: 'a/r' } }]);
  });

  test('and to several routes where each takes a part', () => {
    const own = claim('c/r', { hostnames: ['a.com', 'b.com'] });
    const earlier = [
      { cluster: 'first', routes: [claim('a/r', { hostnames: ['a.com'] })] },
      { cluster: 'second', routes: [claim('b/r', { hostnames: ['b.com'] })] },
    ];
    expect(routeConflicts([own], earlier).map((conflict) => conflict.with)).toEqual([
      { cluster: 'first', route: 'a/r' },
      { cluster: 'second', route: 'b/r' },
    ]);
  });
});
