import { describe, expect, test } from 'vitest';
import type { RouteEntry } from '../../../contract/routing-table.ts';
import { claimMatches, claimsAt, mayBeAnonymous } from '../../../worker/pipeline/match-route.ts';
import { routeEntry, tableOfEntries } from '../support/table-of-entries.ts';

const place = {
  host: 'llm.example.com',
  path: '/team-a/v1/models',
  header: (name: string) => ({ 'x-team': 'a' })[name] ?? null,
};

describe('a claim meets a request', () => {
  test.each<[string, Partial<RouteEntry>, boolean]>([
    ['of any host', { hostnames: [] }, true],
    ['of its host', { hostnames: ['llm.example.com'] }, true],
    ['of a host below its suffix', { hostnames: ['*.example.com'] }, true],
    ['not of another host', { hostnames: ['example.com'] }, false],
    ['not of a host that ends alike', { hostnames: ['*.ple.com', 'xllm.example.com'] }, false],
    ['below its path', { pathPrefix: '/team-a' }, true],
    ['not below a path that begins alike', { pathPrefix: '/team' }, false],
    ['with all of its headers', { headers: [{ name: 'x-team', value: 'a' }] }, true],
    [
      'not with some of them',
      {
        headers: [
          { name: 'x-team', value: 'a' },
          { name: 'x-other', value: 'b' },
        ],
      },
      false,
    ],
    ['not with another value', { headers: [{ name: 'x-team', value: 'A' }] }, false],
  ])('%s', (_, change, meets) => {
    const claims = tableOfEntries({
      routes: { 'default/main': routeEntry(change) },
      models: {},
      providers: {},
    }).claims();
    expect(claims.some((claim) => claimMatches(claim, place))).toBe(meets);
  });
});

describe('a body may be read without a key', () => {
  const open = routeEntry({ authentication: 'Anonymous', hostnames: ['open.example.com'], pathPrefix: '/demo' });
  test.each([
    ['open.example.com', '/demo/v1/chat/completions', true],
    ['open.example.com', '/v1/chat/completions', false],
    ['llm.example.com', '/demo/v1/chat/completions', false],
  ])('at %s%s: %s', (host, path, may) => {
    const table = tableOfEntries({
      routes: { 'default/open': open, 'default/main': routeEntry() },
      models: {},
      providers: {},
    });
    expect(mayBeAnonymous(table, { host, path, header: () => null })).toBe(may);
  });
});

test('a preflight request meets the routes of its place whatever headers they want, most specific first', () => {
  const routes = {
    'default/all': routeEntry(),
    'default/header': routeEntry({ headers: [{ name: 'x-b', value: 'c' }] }),
    'default/path': routeEntry({ pathPrefix: '/team-a' }),
    'default/elsewhere': routeEntry({ hostnames: ['other.example.com'] }),
  };
  const claims = claimsAt(tableOfEntries({ routes, models: {}, providers: {} }), place);
  expect(claims.map(({ id }) => id)).toEqual(['default/path', 'default/header', 'default/all']);
});
