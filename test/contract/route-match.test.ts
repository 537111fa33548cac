import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  compareMatches,
  hostMatches,
  matchesOf,
  matchKey,
  nameMatches,
  pathMatches,
  type RouteMatch,
} from '../../contract/route-match.ts';

const label = fc.constantFrom('a', 'b', 'example', 'com');
const host = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
const pattern = fc.oneof(
  host,
  host.map((name) => `*.${name}`),
  fc.constant('*'),
);
const element = fc.constantFrom('a', 'ab', 'v1');
const path = fc.array(element, { maxLength: 3 }).map((elements) => `/${elements.join('/')}`);
const match: fc.Arbitrary<RouteMatch> = fc.record({
  id: fc.constantFrom('ns/a', 'ns/b', 'ns/c'),
  hostname: pattern,
  pathPrefix: path,
  headers: fc.array(fc.record({ name: fc.constantFrom('x', 'y'), value: fc.constantFrom('1', '2') }), { maxLength: 2 }),
  created: fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'),
});

const rank = ({ id, headers, created, pathPrefix }: RouteMatch) => [id, headers.length, created, pathPrefix.length];
const matchOf = (hostname: string): RouteMatch => ({ id: 'a', hostname, pathPrefix: '/', headers: [], created: '' });

describe('the order of matches', () => {
  test('is total: only matches of one route that are equally specific are equal', () => {
    fc.assert(
      fc.property(match, match, (a, b) => {
        expect(Math.sign(compareMatches(a, b))).toBe(0 - Math.sign(compareMatches(b, a)));
        expect(compareMatches(a, b) !== 0 || a.id === b.id).toBe(true);
      }),
    );
  });

  test('does not depend on the order in which the routes came', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(match, { selector: ({ id, hostname, pathPrefix }) => `${id} ${hostname} ${pathPrefix}` }),
        (matches) => {
          const sorted = matches.toSorted(compareMatches);
          expect(matches.toReversed().toSorted(compareMatches).map(rank)).toEqual(sorted.map(rank));
        },
      ),
    );
  });

  test('prefers exact host, longer wildcard, longer path, more headers, older resource, then the name', () => {
    const base: RouteMatch = {
      id: 'ns/b',
      hostname: '*',
      pathPrefix: '/',
      headers: [],
      created: '2026-01-02T00:00:00Z',
    };
    const better: RouteMatch[] = [
      { ...base, hostname: 'api.example.com' },
      { ...base, hostname: '*.example.com' },
      { ...base, hostname: '*.com', pathPrefix: '/v1/chat' },
      { ...base, pathPrefix: '/v1', headers: [{ name: 'x', value: '1' }] },
      { ...base, pathPrefix: '/v1' },
      { ...base, headers: [{ name: 'x', value: '1' }] },
      { ...base, created: '2026-01-01T00:00:00Z' },
      { ...base, id: 'ns/a' },
      base,
    ];
    expect(better.toReversed().toSorted(compareMatches)).toEqual(better);
  });
});

describe('a host name', () => {
  test('that a pattern means is at most as specific as itself', () => {
    fc.assert(
      fc.property(pattern, host, (one, name) => {
        if (!hostMatches(one, name)) return;
        expect(compareMatches(matchOf(name), matchOf(one))).toBeLessThanOrEqual(0);
      }),
    );
  });

  test.each([
    ['*.example.com', 'a.example.com', true],
    ['*.example.com', 'a.b.example.com', true],
    ['*.example.com', 'example.com', false],
    ['*.example.com', '.example.com', false],
    ['*.example.com', 'badexample.com', false],
    ['example.com', 'a.example.com', false],
    ['*', 'anything', true],
  ])('%s means %s: %s', (one, name, meant) => expect(hostMatches(one, name)).toBe(meant));
});

describe('a path prefix', () => {
  test('covers itself and everything under it, and nothing else', () => {
    fc.assert(
      fc.property(path, path, (prefix, asked) => {
        const under = asked === prefix || asked.startsWith(prefix === '/' ? '/' : `${prefix}/`);
        expect(pathMatches(prefix, asked)).toBe(under);
      }),
    );
  });
});

test.each([
  ['gpt-4o', 'gpt-4o', true],
  ['gpt-4o', 'gpt-4o-mini', false],
  ['gpt-*', 'gpt-4o', true],
  ['gpt-*', 'gpt-', true],
  ['gpt-*', 'claude', false],
  ['*', 'anything', true],
])('the name pattern %s means %s: %s', (one, name, meant) => expect(nameMatches(one, name)).toBe(meant));

test('a route without host names matches every host', () => {
  const route = { hostnames: [], pathPrefix: '/', headers: [], created: '' };
  expect(matchesOf('ns/a', route).map(({ hostname }) => hostname)).toEqual(['*']);
  expect(matchesOf('ns/a', { ...route, hostnames: ['a.com', 'b.com'] })).toHaveLength(2);
});

test('two matches have one key exactly when they meet the same requests', () => {
  const base: RouteMatch = { id: 'ns/a', hostname: 'a.com', pathPrefix: '/', headers: [], created: '1' };
  const x = { name: 'x', value: '1' };
  const y = { name: 'y', value: '1' };
  expect(matchKey({ ...base, id: 'ns/b', created: '2', headers: [x, y] })).toBe(matchKey({ ...base, headers: [y, x] }));
  const different = [
    base,
    { ...base, hostname: '*.a.com' },
    { ...base, pathPrefix: '/v1' },
    { ...base, headers: [x] },
    { ...base, headers: [y] },
  ];
  expect(new Set(different.map(matchKey)).size).toBe(different.length);
});
