import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { silentLogger } from '../../../sync-agent/log.ts';
import { Pass } from '../../../sync-agent/pass.ts';
import { noTracing, openTracing } from '../../../sync-agent/tracing/open-tracing.ts';
import { startLocalHttpServer } from '../../support/local-http-server.ts';

const request = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: z.array(z.object({ key: z.string(), value: z.looseObject({}) })) }),
      scopeSpans: z.array(
        z.object({
          spans: z.array(
            z.object({
              name: z.string(),
              spanId: z.string(),
              parentSpanId: z.string().optional(),
              traceId: z.string(),
              status: z.object({ code: z.number(), message: z.string().optional() }),
            }),
          ),
        }),
      ),
    }),
  ),
});

/** A collector that keeps what it is sent. */
async function collector() {
  const received: { path: string; body: z.output<typeof request> }[] = [];
  const server = await startLocalHttpServer(async ({ url, body }) => {
    received.push({ path: url.pathname, body: request.parse(JSON.parse(body.toString())) });
    return Response.json({});
  });
  onTestFinished(() => server.stop());
  return { url: server.origin, received };
}

describe('traces', () => {
  test('have a span a pass, and its steps below it, the failed one with its reason', async () => {
    const { url, received } = await collector();
    const tracing = await openTracing({ OTEL_EXPORTER_OTLP_ENDPOINT: `${url}/` }, silentLogger, 'pod-1');
    const pass = new Pass(tracing.passes, 'ai/edge');
    await pass.run('observe', () => undefined);
    await pass.run('compile', () => undefined);
    const error = new Error('the edge is away');
    await expect(pass.run('plan', () => Promise.reject(error))).rejects.toThrow('the edge is away');
    pass.end(error);
    await tracing.close();

    expect(received.map(({ path }) => path)).toEqual(['/v1/traces']);
    const [{ resource, scopeSpans } = { resource: { attributes: [] }, scopeSpans: [] }] =
      received[0]!.body.resourceSpans;
    expect(resource.attributes).toContainEqual({ key: 'service.name', value: { stringValue: 'fairlead-sync-agent' } });
    const spans = scopeSpans.flatMap(({ spans }) => spans);
    const root = spans.find(({ name }) => name === 'pass');
    expect(spans.map(({ name }) => name).toSorted()).toEqual(['compile', 'observe', 'pass', 'plan']);
    for (const span of spans.filter(({ name }) => name !== 'pass'))
      expect(span).toMatchObject({ parentSpanId: root?.spanId, traceId: root?.traceId });
    expect(spans.find(({ name }) => name === 'plan')?.status).toEqual({ code: 2, message: 'the edge is away' });
    expect(spans.find(({ name }) => name === 'compile')?.status.code).toBe(0);
  });

  test('are not made where nobody asked for them', async () => {
    expect(await openTracing({}, silentLogger, 'pod-1')).toBe(noTracing);
    const disabled = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_SDK_DISABLED: 'true' };
    expect(await openTracing(disabled, silentLogger, 'pod-1')).toBe(noTracing);
  });

  test('do not keep a process from ending where nobody takes them', async () => {
    const tracing = await openTracing({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' }, silentLogger, 'pod-1');
    const pass = new Pass(tracing.passes, 'ai/edge');
    pass.end();
    await expect(tracing.close()).resolves.toBeUndefined();
  });
});
