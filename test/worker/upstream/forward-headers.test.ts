import { describe, expect, test } from 'vitest';
import { forwardedRequestHeaders, keepForwardedResponseHeaders } from '../../../worker/upstream/forward-headers.ts';

/** Neither to the provider nor back to the caller. */
const NEITHER_WAY = wordsOf(`
  connection keep-alive proxy-authenticate proxy-authorization te trailer transfer-encoding
  upgrade host content-length accept-encoding content-encoding
  authorization x-api-key api-key x-goog-api-key cookie set-cookie
  openai-organization openai-project www-authenticate
  cf-connecting-ip cf-ray cf-access-jwt-assertion cdn-loop
  forwarded x-forwarded-for x-forwarded-host x-real-ip true-client-ip via
  x-fairlead-backend x-fairlead-anything
`);

describe('to the provider', () => {
  test.each([...NEITHER_WAY, 'origin', 'referer', 'sec-fetch-mode', 'access-control-request-method'])(
    '%s does not go',
    (name) => {
      expect([...forwardedRequestHeaders(new Headers([[name, 'a']])).keys()]).toEqual([]);
    },
  );

  test.each(
    wordsOf(`
      accept accept-language user-agent traceparent tracestate idempotency-key openai-beta
      anthropic-version anthropic-beta x-stainless-lang x-title http-referer x-session-id x-unknown
      cfx x-forwarded connection-id hostname
    `),
  )('%s goes as it came', (name) => {
    expect([...forwardedRequestHeaders(new Headers([[name, 'A, b;c="d"']]))]).toEqual([[name, 'A, b;c="d"']]);
  });
});

describe('to the caller', () => {
  test.each([
    ...NEITHER_WAY,
    ...wordsOf(`
      x-request-id server-timing server alt-svc nel report-to strict-transport-security location
      access-control-allow-origin access-control-expose-headers clear-site-data content-security-policy
    `),
  ])('%s does not go', (name) => {
    expect([...toCaller(new Headers([[name, 'a']])).keys()]).toEqual([]);
  });

  test.each(
    wordsOf(`
      content-type cache-control date retry-after retry-after-ms x-should-retry
      openai-processing-ms openai-version openai-model x-ratelimit-remaining-tokens x-groq-region x-unknown
    `),
  )('%s goes as it came', (name) => {
    expect([...toCaller(new Headers([[name, 'A']]))]).toEqual([[name, 'A']]);
  });
});

test('what Connection names belongs to one connection, and does not go either way', () => {
  const headers = new Headers([
    ['connection', 'close, X-Hop ,x-other'],
    ['x-hop', '1'],
    ['x-other', '2'],
    ['x-stays', '3'],
  ]);
  expect([...forwardedRequestHeaders(headers)]).toEqual([['x-stays', '3']]);
  expect([...toCaller(headers)]).toEqual([['x-stays', '3']]);
});

test('a header that comes several times keeps all its values', () => {
  const headers = new Headers([
    ['anthropic-beta', 'a'],
    ['anthropic-beta', 'b'],
  ]);
  expect(forwardedRequestHeaders(headers).get('anthropic-beta')).toBe('a, b');
});

test('the headers that came are left as they are', () => {
  const headers = new Headers({ authorization: 'Bearer a', 'x-b': 'c' });
  forwardedRequestHeaders(headers);
  expect(headers.get('authorization')).toBe('Bearer a');
});

function toCaller(headers: Headers): Headers {
  keepForwardedResponseHeaders(headers);
  return headers;
}

function wordsOf(text: string): string[] {
  return text.trim().split(/\s+/);
}
