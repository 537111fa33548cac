import { describe, expect, test } from 'vitest';
import type { Cors } from '../../../contract/routing-table.ts';
import { allowsOrigin, answerHeaders, preflightHeaders } from '../../../worker/pipeline/cross-origin.ts';

const ORIGIN = 'https://app.example.com';

describe('scripts of an origin are allowed', () => {
  test.each([
    ['*', ORIGIN, true],
    ['https://app.example.com', ORIGIN, true],
    ['https://app.example.com', 'https://app.example.com:8443', false],
    ['https://app.example.com', 'http://app.example.com', false],
    ['https://*.example.com', ORIGIN, true],
    ['https://*.example.com', 'https://a.b.example.com', true],
    ['https://*.example.com', 'https://example.com', false],
    ['https://*.example.com', 'https://.example.com', false],
    ['https://*.example.com', 'http://app.example.com', false],
    ['https://*.example.com', 'https://evilexample.com', false],
    ['https://*.example.com', 'https://app.example.com.evil.io', false],
    ['https://*.example.com:8443', 'https://app.example.com:8443', true],
    ['https://app.example.com', 'null', false],
  ])('by %s, of %s: %s', (pattern, origin, allowed) => {
    expect(allowsOrigin(cors({ allowOrigins: ['https://other.example.io', pattern] }), origin)).toBe(allowed);
  });

  test('by nothing where nothing is listed', () => {
    expect(allowsOrigin(cors({ allowOrigins: [] }), ORIGIN)).toBe(false);
  });
});

describe('an answer', () => {
  test('names the origin and no other, and differs by it', () => {
    expect(answerHeaders(cors(), ORIGIN)).toMatchObject({ 'access-control-allow-origin': ORIGIN, vary: 'Origin' });
  });

  test('allows credentials only where the route does', () => {
    expect(answerHeaders(cors(), ORIGIN)).not.toHaveProperty('access-control-allow-credentials');
    expect(answerHeaders(cors({ allowCredentials: true }), ORIGIN)).toMatchObject({
      'access-control-allow-credentials': 'true',
    });
  });

  test('shows the headers that people ask for, and those of the route', () => {
    const exposed = answerHeaders(cors({ exposeHeaders: ['x-mine'] }), ORIGIN)['access-control-expose-headers']?.split(
      ', ',
    );
    expect(exposed).toEqual(expect.arrayContaining(['x-request-id', 'x-fairlead-backend', 'retry-after', 'x-mine']));
  });
});

describe('a preflight request is granted the headers', () => {
  test.each([
    [
      'that SDKs send',
      {},
      'authorization, content-type, x-stainless-lang',
      'authorization, content-type, x-stainless-lang',
    ],
    ['that the route lists, in any case', { allowHeaders: ['X-Mine'] }, 'X-MINE,x-other', 'x-mine'],
    ['of any name where the route says so', { allowHeaders: ['*'] }, 'x-a, x-b', 'x-a, x-b'],
    ['that it asks for, and no more', { allowHeaders: ['x-a', 'x-b'] }, 'x-b', 'x-b'],
    ['not at all where it asks for none', { allowHeaders: ['*'] }, null, ''],
  ])('%s', (_, change, requested, granted) => {
    expect(preflightHeaders(cors(change), ORIGIN, requested)).toMatchObject({
      'access-control-allow-headers': granted,
      'access-control-max-age': '600',
      vary: expect.stringContaining('Access-Control-Request-Headers'),
    });
  });
});

function cors(change: Partial<Cors> = {}): Cors {
  return {
    allowOrigins: [ORIGIN],
    allowHeaders: [],
    exposeHeaders: [],
    allowCredentials: false,
    maxAge: 600,
    ...change,
  };
}
