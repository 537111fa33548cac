import { describe, expect, test } from 'vitest';
import { endpointOf, hostOf, pathOf, withoutPort } from '../../../worker/pipeline/endpoint.ts';

describe('an endpoint is found behind the prefix of a route', () => {
  test.each([
    ['/v1/chat/completions', '/v1/chat/completions'],
    ['/team-a/v1/chat/completions', '/v1/chat/completions'],
    ['/a/b/c/v1/embeddings', '/v1/embeddings'],
    ['/v1/v1/models', '/v1/models'],
    ['/team/v1/models/vendor/model', '/v1/models/vendor/model'],
    ['/v1/models/v1/models', '/v1/models/v1/models'],
  ])('%s', (path, endpoint) => {
    expect(endpointOf(path)).toBe(endpoint);
  });

  test.each([
    '/',
    '/v1',
    '/v1/',
    '/v1/chat',
    '/v1/chat/completions/',
    '/xv1/chat/completions',
    '/v1/models/',
    '/V1/chat/completions',
  ])('and nothing where there is none: %s', (path) => {
    expect(endpointOf(path)).toBe(path);
  });

  test.each([
    '/fairlead/v1/chat/completions',
    '/fairlead/v1/models/x',
    '/fairlead',
    '/healthz',
    '/fairlead/v1/revision',
  ])('never before the control side: %s', (path) => {
    expect(endpointOf(path)).toBe(path);
  });

  test('but behind a prefix that only begins like it', () => {
    expect(endpointOf('/fairleads/v1/models')).toBe('/v1/models');
  });
});

test.each([
  ['https://Edge.Example.com/v1/models?x=/y#z', 'edge.example.com', '/v1/models'],
  ['http://127.0.0.1:8787/', '127.0.0.1', '/'],
  ['http://127.0.0.1:8787', '127.0.0.1', '/'],
  ['http://[::1]:8787/a', '[::1]', '/a'],
  ['http://[::1]/a', '[::1]', '/a'],
  ['https://example.com/a#b?c', 'example.com', '/a'],
  ['https://example.com/a?b#c', 'example.com', '/a'],
])('host and path of %s', (url, host, path) => {
  expect([hostOf(url), pathOf(url)]).toEqual([host, path]);
});

test.each([
  ['example.com:443', 'example.com'],
  ['example.com', 'example.com'],
  ['[::1]:8787', '[::1]'],
  ['[::1]', '[::1]'],
])('the port is no part of the host: %s', (host, name) => {
  expect(withoutPort(host)).toBe(name);
});
