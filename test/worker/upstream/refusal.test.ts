import { describe, expect, test } from 'vitest';
import { openai } from '../../../worker/dialects/openai/openai.ts';
import { Failure } from '../../../worker/errors.ts';
import { refusalOf } from '../../../worker/upstream/refusal.ts';

const SECRET = 'whatever-4711-operators';

describe('what the provider says of the request is the caller’s', () => {
  test.each([400, 402, 404, 405, 409, 413, 415, 422, 451])(
    'status %i passes, with its body as it came',
    async (status) => {
      const body = '{"error":  {"message":"No \\u0073uch thing"}}';
      expect(new TextDecoder().decode(await refused(status, body))).toBe(body);
    },
  );

  test('but for a secret that it quotes', async () => {
    const body = await refused(400, `{"error":{"message":"Wrong key ${SECRET}"}}`);
    expect(JSON.parse(new TextDecoder().decode(body)).error.message).toMatch(/^Wrong key (?!.*4711)/);
  });

  test('also where the body is empty, or no JSON', async () => {
    expect(await refused(404, '')).toEqual(new Uint8Array());
    expect(new TextDecoder().decode(await refused(404, '<html>'))).toBe('<html>');
  });
});

describe('what is the operator’s fault or the provider’s is no business of the caller', () => {
  test.each([
    [401, 'upstream_refused_credentials'],
    [403, 'upstream_refused_credentials'],
    [408, 'upstream_timeout'],
    [429, 'upstream_rate_limited'],
    [500, 'upstream_failed'],
    [502, 'upstream_failed'],
    [503, 'upstream_failed'],
    [529, 'upstream_failed'],
    [301, 'upstream_failed'],
    [307, 'upstream_failed'],
    [302, 'upstream_failed'],
  ] as const)('status %i is %s, and names the provider', async (status, code) => {
    const failure = await failureOf(status, '{"error":{"message":"inner details","code":"inner_code"}}');
    expect(failure.code).toBe(code);
    expect(failure.message).toContain('team/openai');
    expect(failure.message).not.toContain('inner');
    expect(failure.detail).toContain(`status ${status}`);
    expect(failure.detail).toContain('inner_code');
  });

  test('the operator learns from the log why credentials were refused', async () => {
    const { detail } = await failureOf(401, '{"error":{"message":"This key was revoked","code":"invalid_api_key"}}');
    expect(detail).toBe('status 401, code invalid_api_key: This key was revoked');
  });

  test.each([301, 401, 403, 408, 429, 500])(
    'with status %i no log repeats a secret that was sent along',
    async (status) => {
      const quoted = { message: `wrong key ${SECRET}, also known as sk-proj-1234567890`, code: `bad ${SECRET}` };
      const { detail, message } = await failureOf(status, JSON.stringify({ error: quoted }));
      expect(`${detail} ${message}`).not.toContain(SECRET);
      expect(`${detail} ${message}`).not.toContain('1234567890');
    },
  );

  test('a log line stays short, whatever the provider has to say', async () => {
    const { detail } = await failureOf(401, JSON.stringify({ error: { message: 'x'.repeat(100_000) } }));
    expect(detail?.length).toBeLessThanOrEqual(500);
  });

  test('a body without end is not read to its end', async () => {
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => (sent++, controller.enqueue(new Uint8Array(64 * 1024))),
    });
    const response = new Response(endless, { status: 500 });
    await expect(refusalOf(response, candidate, [], openai.upstream, now)).rejects.toMatchObject({
      code: 'upstream_failed',
    });
    expect(sent).toBeLessThan(30);
  });
});

describe('when to come back is passed on', () => {
  test.each([
    [429, { 'retry-after': '7' }, 7],
    [503, { 'retry-after': '120' }, 120],
    [429, { 'retry-after-ms': '1500', 'retry-after': '9' }, 2],
    [429, { 'retry-after': 'Sun, 01 Mar 2026 00:01:30 GMT' }, 90],
    [503, { 'retry-after': 'Sat, 28 Feb 2026 23:59:59 GMT' }, undefined],
    [429, { 'retry-after': 'soon' }, undefined],
    [429, { 'retry-after': '' }, undefined],
    [429, { 'retry-after': '-1' }, undefined],
    [429, {}, undefined],
  ])('status %i with %j gives %s', async (status, headers, retryAfter) => {
    expect((await failureOf(status, '', headers)).retryAfter).toBe(retryAfter);
  });
});

const now = () => Date.parse('2026-03-01T00:00:00Z');
const candidate = { providerId: 'team/openai' };

function refused(status: number, body: string, headers: Record<string, string> = {}): Promise<Uint8Array> {
  const response = new Response(body, { status, headers });
  return refusalOf(response, candidate, [SECRET, ''], openai.upstream, now);
}

async function failureOf(...given: Parameters<typeof refused>): Promise<Failure> {
  const thrown = await refused(...given).then(
    () => 'nothing',
    (error: unknown) => error,
  );
  if (thrown instanceof Failure) return thrown;
  throw new Error(`not a failure: ${String(thrown)}`);
}
