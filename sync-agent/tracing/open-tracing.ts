import { AGENT_NAME } from '../agent-name.ts';
import type { Logger } from '../log.ts';
import { unobserved, type PassObserver } from '../pass.ts';

export interface Tracing {
  readonly passes: PassObserver;
  /** Sends what is left; gives up after a few seconds. Never throws. */
  close(): Promise<void>;
}

export const noTracing: Tracing = { passes: unobserved, close: () => Promise.resolve() };

/** By OpenTelemetry's own variables: OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT says where to. */
export async function openTracing(
  env: Readonly<Record<string, string | undefined>>,
  logger: Logger,
  instance: string,
): Promise<Tracing> {
  const url = tracesURL(env);
  if (url === undefined || env['OTEL_SDK_DISABLED'] === 'true') return noTracing;
  // What nobody asked for is not loaded.
  const { startOtlpTracing } = await import('./otlp-tracing.ts');
  logger.info('passes are traced', { url });
  return startOtlpTracing({ url, serviceName: env['OTEL_SERVICE_NAME'] ?? AGENT_NAME, instance, logger });
}

function tracesURL(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const own = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'];
  if (own) return own;
  const shared = env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  return shared ? `${shared.replace(/\/+$/, '')}/v1/traces` : undefined;
}
