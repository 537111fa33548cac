import type { ModelEntry, Operation } from '../../contract/routing-table.ts';
import type { FailureCode } from '../errors.ts';
import type { Usage } from '../dialects/dialect.ts';
import type { AttemptNote, Exchange, Metered, Outcome } from './exchange.ts';
import type { Candidate } from './list-candidates.ts';
import type { Serve } from './plan-request.ts';

/**
 * One line of the log. Names are OpenTelemetry's where it has them (semantic conventions for generative AI), and
 * `fairlead.*` else. Neither what was said nor any secret is among them.
 */
export interface RequestRecord {
  readonly event: 'request';
  readonly [name: string]:
    | string
    | number
    | boolean
    | Readonly<Record<string, string>>
    | readonly AttemptNote[]
    | undefined;
}

export interface Ending {
  readonly outcome: Outcome;
  readonly status: number;
  readonly metered: Metered | undefined;
  readonly error: { readonly code: FailureCode; readonly detail?: string | undefined } | undefined;
}

/** A caller chooses what it asks for. */
const MAX_NAME_LENGTH = 200;

export function recordOf(exchange: Exchange, { outcome, status, metered, error }: Ending): RequestRecord {
  const { consumer, plan, candidate, startedAt, answeredAt, operation } = exchange;
  const usage = metered?.usage;
  const endedAt = exchange.clock.now();
  return {
    event: 'request',
    time: new Date(endedAt).toISOString(),
    'fairlead.request_id': exchange.requestId,
    'fairlead.outcome': outcome,
    'http.response.status_code': status,
    'error.type': error?.code,
    'fairlead.error.detail': error?.detail,
    'url.path': exchange.path.slice(0, MAX_NAME_LENGTH),
    'server.address': exchange.host.slice(0, MAX_NAME_LENGTH),
    'gen_ai.operation.name': operation && operationName(operation),
    'gen_ai.request.model': exchange.model?.slice(0, MAX_NAME_LENGTH),
    'gen_ai.response.model': metered?.model,
    'gen_ai.usage.input_tokens': usage?.input,
    'gen_ai.usage.output_tokens': usage?.output,
    'gen_ai.usage.cache_read.input_tokens': usage?.cachedInput,
    'gen_ai.usage.reasoning.output_tokens': usage?.reasoning,
    'fairlead.usage.estimated': metered?.isEstimate,
    'fairlead.cost_usd': usage && plan && costOf(usage, plan.model),
    'fairlead.stream': exchange.isStream,
    'fairlead.duration_ms': endedAt - startedAt,
    'fairlead.first_answer_ms': answeredAt === undefined ? undefined : answeredAt - startedAt,
    'fairlead.consumer': consumer?.id,
    'fairlead.consumer.key': consumer?.key,
    'fairlead.consumer.metadata': consumer && Object.keys(consumer.metadata).length > 0 ? consumer.metadata : undefined,
    'fairlead.team': consumer?.team,
    'fairlead.cluster': exchange.decidedBy?.cluster,
    'fairlead.route': plan?.routeId,
    'fairlead.model': plan?.modelId,
    'fairlead.backend': candidate?.backend.name,
    'fairlead.provider': candidate?.providerId,
    'fairlead.backend.cluster': candidate && placeElsewhere(candidate, plan),
    'fairlead.revision': exchange.decidedBy?.revision ?? exchange.table?.revision,
    'fairlead.upstream_request_id': exchange.upstreamRequestId ?? undefined,
    'fairlead.attempts': exchange.attempts.length > 1 || error ? exchange.attempts : undefined,
    traceparent: exchange.request.headers.get('traceparent')?.slice(0, MAX_NAME_LENGTH),
  };
}

/** Where the backend's cluster is not the route's: clusters unite the backends of one model. */
function placeElsewhere({ home }: Candidate, plan: Serve | undefined): string | undefined {
  return home.cluster === plan?.table.cluster ? undefined : home.cluster;
}

/** https://opentelemetry.io/docs/specs/semconv/attributes-registry/gen-ai/, `gen_ai.operation.name`. */
function operationName(operation: Operation): string {
  switch (operation) {
    case 'chat':
      return 'chat';
    case 'completions':
      return 'text_completion';
    case 'embeddings':
      return 'embeddings';
  }
}

/** In US dollars; undefined where the model has no price. Cached input costs what other input does, unless it is priced. */
export function costOf(usage: Usage, { pricing }: Pick<ModelEntry, 'pricing'>): number | undefined {
  if (!pricing) return undefined;
  const input = Number(pricing.inputPerMillionTokens);
  const cached = Number(pricing.cachedInputPerMillionTokens ?? pricing.inputPerMillionTokens);
  const output = Number(pricing.outputPerMillionTokens);
  const dollars =
    ((usage.input - usage.cachedInput) * input + usage.cachedInput * cached + usage.output * output) / 1e6;
  return Number(dollars.toFixed(9));
}
