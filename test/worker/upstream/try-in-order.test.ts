import { describe, expect, test } from 'vitest';
import { MalformedAnswer } from '../../../worker/dialects/dialect.ts';
import { Failure } from '../../../worker/errors.ts';
import { Exchange } from '../../../worker/pipeline/exchange.ts';
import { planRequest, type Serve } from '../../../worker/pipeline/plan-request.ts';
import { CallControl } from '../../../worker/upstream/call-control.ts';
import { Health } from '../../../worker/upstream/health.ts';
import { tryInOrder } from '../../../worker/upstream/try-in-order.ts';
import {
  backendEntry,
  servedConsumer,
  modelEntry,
  providerEntry,
  routeEntry,
  tableOfEntries,
} from '../support/table-of-entries.ts';
import { countingClock } from './counting-clock.ts';

const failed = (code: Failure['code'], retryAfter?: number) =>
  new Failure(code, 'A sentence.', retryAfter === undefined ? {} : { retryAfter });

describe('the next backend is tried', () => {
  test.each([
    ['fails', failed('upstream_failed')],
    ['is late', failed('upstream_timeout')],
    ['limits', failed('upstream_rate_limited')],
    ['refuses our credentials', failed('upstream_refused_credentials')],
    ['cannot be called', failed('upstream_misconfigured')],
    ['answers nonsense', new MalformedAnswer('it answered with something that is not JSON')],
    ['cannot be reached', new TypeError('connection refused')],
  ])('where one %s', async (_, failure) => {
    const { run, tried, exchange } = trying();
    const { candidate } = await run({ a: failure, b: 200 });
    expect(tried()).toEqual(['a', 'b']);
    expect(candidate.backend.name).toBe('b');
    expect(exchange.candidate?.backend.name).toBe('b');
  });

  test('once each, and the last one’s failure is the caller’s', async () => {
    const { run, tried } = trying();
    await expect(
      run({ a: failed('upstream_failed'), b: failed('upstream_timeout'), c: failed('upstream_rate_limited', 7) }),
    ).rejects.toMatchObject({
      code: 'upstream_rate_limited',
      retryAfter: 7,
    });
    expect(tried()).toEqual(['a', 'b', 'c']);
  });
});

describe('no other backend is tried', () => {
  test.each([200, 400, 404, 422])('where one answers with %i, which is the caller’s', async (status) => {
    const { run, tried, exchange } = trying();
    expect((await run({ a: status, b: 200 })).answer.status).toBe(status);
    expect(tried()).toEqual(['a']);
    expect(exchange.attempts.map(({ outcome }) => outcome)).toEqual([status === 200 ? 'answered' : 'passed_on']);
  });

  test('where the fault is ours', async () => {
    const { run, tried } = trying();
    await expect(run({ a: failed('internal_error'), b: 200 })).rejects.toMatchObject({ code: 'internal_error' });
    expect(tried()).toEqual(['a']);
  });

  test('once the caller has gone', async () => {
    const { run, tried, client } = trying();
    await expect(run({ a: () => (client.abort(), new Error('aborted')), b: 200 })).rejects.toMatchObject({
      code: 'client_closed_request',
    });
    expect(tried()).toEqual(['a']);
  });

  test('once the time for all is over', async () => {
    const { run, tried, clock, control } = trying();
    const late = (): Error => {
      control.watchdog.expect('firstByte', 100_000);
      clock.advance(60_000);
      return new Error('aborted');
    };
    await expect(run({ a: late, b: 200 })).rejects.toMatchObject({ code: 'upstream_timeout', detail: 'total' });
    expect(tried()).toEqual(['a']);
  });
});

test('a caller that has gone before is spared every attempt', async () => {
  const { run, tried, client } = trying();
  client.abort();
  await expect(run({ a: 200 })).rejects.toMatchObject({ code: 'client_closed_request' });
  expect(tried()).toEqual([]);
});

test('a late answer is told as a timeout, not as the abort that it became', async () => {
  const { run, clock, control, exchange } = trying();
  const late = (): Error => {
    control.watchdog.expect('firstByte', 100);
    clock.advance(100);
    return new DOMException('The operation was aborted', 'AbortError');
  };
  await run({ a: late, b: 200 });
  expect(exchange.attempts).toMatchObject([
    { backend: 'a', outcome: 'upstream_timeout', detail: 'firstByte', durationMs: 100 },
    { backend: 'b', outcome: 'answered', status: 200 },
  ]);
});

test('what happened is known of each backend afterwards', async () => {
  const { run, health, backends } = trying();
  const round = () => run({ a: failed('upstream_failed'), b: failed('upstream_rate_limited', 5), c: 200 });
  await round();
  expect(backends.map((backend) => health.isDown({ backend, home: { cluster: 'prod' } }))).toEqual([
    false,
    true,
    false,
  ]);
  await round();
  expect(backends.map((backend) => health.isDown({ backend, home: { cluster: 'prod' } }))).toEqual([true, true, false]);
});

test('a caller that leaves is not the backend’s fault', async () => {
  const { run, health, backends, client } = trying();
  await expect(run({ a: () => (client.abort(), new Error('aborted')) })).rejects.toThrow();
  await expect(run({ a: 200 })).rejects.toThrow();
  expect(backends.some((backend) => health.isDown({ backend, home: { cluster: 'prod' } }))).toBe(false);
});

test('the error tells the caller nothing of the network', async () => {
  const { run } = trying();
  const failure = await run({
    a: new TypeError('connect ECONNREFUSED 10.0.0.7:8000'),
    b: failed('upstream_misconfigured'),
    c: new TypeError('connect ECONNREFUSED 10.0.0.7:8000'),
  }).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'upstream_failed', detail: 'connect ECONNREFUSED 10.0.0.7:8000' });
  expect(String(failure)).not.toContain('10.0.0.7');
});

type Outcome = number | Error | (() => Error);

function trying() {
  const clock = countingClock();
  const client = new AbortController();
  const health = new Health(clock.now);
  const backends = ['a', 'b', 'c'].map((name, priority) =>
    backendEntry({ name, provider: `default/${name}`, priority }),
  );
  const plan = planOf(backends);
  const control = new CallControl({ clock, totalMs: 60_000, onClientAbort: 'Abort', clientSignal: client.signal });
  const request = new Request('https://edge.example.com/v1/chat/completions');
  const exchange = new Exchange(request, { requestId: 'r', host: 'h', path: '/', clock }, () => undefined);
  const tried: string[] = [];
  const run = (outcomes: Readonly<Record<string, Outcome>>) =>
    tryInOrder({ exchange, plan, control, health }, async ({ backend: { name } }) => {
      tried.push(name);
      const outcome = outcomes[name] ?? new Error('no such outcome');
      if (typeof outcome === 'number') return { status: outcome };
      throw typeof outcome === 'function' ? outcome() : outcome;
    });
  return { run, tried: () => tried, exchange, client, clock, control, health, backends };
}

function planOf(backends: ReturnType<typeof backendEntry>[]): Serve {
  const table = tableOfEntries({
    routes: { 'default/main': routeEntry() },
    models: { 'default/demo': modelEntry({ backends }) },
    providers: Object.fromEntries(backends.map(({ provider }) => [provider, providerEntry()])),
  });
  const plan = planRequest(table, {
    host: 'edge.example.com',
    path: '/v1/chat/completions',
    header: () => null,
    model: 'demo',
    operation: 'chat',
    consumer: servedConsumer(),
    conversation: () => 'c',
  });
  if (plan.type === 'Refuse') throw new Error(plan.message);
  return plan;
}
