import { context, SpanStatusCode, trace, type Span, type Tracer } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Logger } from '../log.ts';
import type { PassObserver } from '../pass.ts';
import type { Tracing } from './open-tracing.ts';

export interface OtlpTracingOptions {
  /** Where traces are posted to, path and all. */
  readonly url: string;
  readonly serviceName: string;
  /** The pod. */
  readonly instance: string;
  readonly logger: Logger;
}

const CLOSE_MS = 3_000;

/** Traces of passes over OTLP, HTTP and protobuf-JSON; headers and the like are read from the environment as usual. */
export function startOtlpTracing({ url, serviceName, instance, logger }: OtlpTracingOptions): Tracing {
  const exporter = new OTLPTraceExporter({ url, timeoutMillis: CLOSE_MS });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': serviceName, 'service.instance.id': instance }),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
  });
  return {
    passes: tracedPasses(provider.getTracer('fairlead.dev/sync-agent')),
    close: async () => {
      try {
        await provider.shutdown();
      } catch (error) {
        logger.warn('the last traces could not be sent', { reason: String(error) });
      }
    },
  };
}

/** A span a pass, and one below it for each of its steps. */
function tracedPasses(tracer: Tracer): PassObserver {
  return {
    begin: (edge) => {
      const attributes = { 'fairlead.edge': edge };
      const pass = tracer.startSpan('pass', { root: true, attributes });
      const within = trace.setSpan(context.active(), pass);
      return {
        beginStep: (step) => {
          const span = tracer.startSpan(step, { attributes }, within);
          return { end: (error) => end(span, error) };
        },
        end: (error) => end(pass, error),
      };
    },
  };
}

function end(span: Span, error: unknown): void {
  if (error !== undefined) {
    const message = error instanceof Error ? error.message : 'failed';
    span.setStatus({ code: SpanStatusCode.ERROR, message });
  }
  span.end();
}
