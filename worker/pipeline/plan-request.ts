import { nameMatches } from '../../contract/route-match.ts';
import type {
  BackendEntry,
  ConsumerEntry,
  ModelEntry,
  Operation,
  ProviderEntry,
  RouteEntry,
  Timeouts,
} from '../../contract/routing-table.ts';
import type { FailureCode } from '../errors.ts';
import type { RouteClaim, ServedTable } from '../table/served-table.ts';
import { withoutPort } from './endpoint.ts';
import { claimMatches, mismatchOf, type RequestPlace } from './match-route.ts';
import { orderBackends } from './order-backends.ts';

export interface RequestToPlan extends RequestPlace {
  /** As the caller names it. */
  readonly model: string;
  readonly operation: Operation;
  /** Whose key it is; undefined without a key that is valid. */
  readonly consumer: ConsumerEntry | undefined;
  /** What should keep meeting one backend; empty: nothing. Called only where there is a choice. */
  readonly conversation: () => string;
}

export interface PlanContext {
  /** Whether a backend has failed lately. */
  readonly isDown?: (backend: BackendEntry) => boolean;
}

export interface Candidate {
  readonly backend: BackendEntry;
  readonly providerId: string;
  readonly provider: ProviderEntry;
}

/** What was not chosen, and why; for people. */
export interface PassedOver {
  readonly type: 'Route' | 'Backend';
  readonly name: string;
  readonly why: string;
}

export interface Serve {
  readonly type: 'Serve';
  readonly routeId: string;
  readonly route: RouteEntry;
  readonly modelId: string;
  readonly model: ModelEntry;
  /** In the order of attempt. */
  readonly candidates: readonly [Candidate, ...Candidate[]];
  timeouts(candidate: Candidate): EffectiveTimeouts;
  passedOver(): PassedOver[];
}

export interface Refuse {
  readonly type: 'Refuse';
  readonly code: FailureCode;
  readonly message: string;
  readonly param?: string;
  passedOver(): PassedOver[];
}

export type Plan = Serve | Refuse;

/** Milliseconds. */
export interface EffectiveTimeouts {
  readonly firstByte: number;
  readonly firstEvent: number;
  readonly idle: number;
  readonly total: number;
}

/** docs/adr/0007-timeouts.md says why these. */
export const DEFAULT_TIMEOUTS: EffectiveTimeouts = {
  firstByte: 300_000,
  firstEvent: 120_000,
  idle: 120_000,
  total: 900_000,
};

/**
 * What a request meets: route, model, backends in order, and the treatment. A pure function of the table and the
 * request; the worker acts on it and `fairlead explain` prints it.
 */
export function planRequest(table: ServedTable, asked: RequestToPlan, context: PlanContext = {}): Plan {
  const request = { ...asked, host: withoutPort(asked.host) };
  const claims = table.claimsOn(request.model);
  const claim = claims.find((candidate) => claimMatches(candidate, request));
  const passedOver = (): PassedOver[] => passedOverClaims(claims, claim, request);
  const refuse = (code: FailureCode, message: string): Refuse => ({
    type: 'Refuse',
    code,
    message,
    param: 'model',
    passedOver,
  });
  const modelId = claim?.route.models[request.model];
  const model = modelId === undefined ? undefined : table.model(modelId);
  const { consumer } = request;
  if (!consumer && claim?.route.authentication !== 'Anonymous')
    return refuse('invalid_api_key', closedModel(request.model));
  if (!claim || modelId === undefined || !model) return refuse('model_not_found', unknownModel(request.model));

  const { route, id: routeId } = claim;
  if (consumer && route.authentication === 'Key') {
    if (!admits(route, consumer)) return refuse('model_not_found', unknownModel(request.model));
    if (!mayUse(consumer, request.model, model))
      return refuse(
        'model_not_allowed',
        `This API key may not use the model \`${request.model}\`. GET /v1/models lists those it may use.`,
      );
  }
  if (model.operations && !model.operations.includes(request.operation))
    return refuse('unsupported_operation', unsupported(request, model.operations));

  const [first, ...others] = candidatesOf(table, model, request, context);
  if (!first)
    return refuse('no_backend', `No backend serves the model \`${request.model}\` at the moment. Ask its operator.`);
  return {
    type: 'Serve',
    routeId,
    route,
    modelId,
    model,
    candidates: [first, ...others],
    timeouts: ({ provider }) => effectiveTimeouts(route.timeouts, provider.timeouts),
    passedOver: () => [...passedOver(), ...passedOverBackends(table, model)],
  };
}

function effectiveTimeouts(route: Timeouts, provider: Timeouts): EffectiveTimeouts {
  return {
    firstByte: route.firstByte ?? provider.firstByte ?? DEFAULT_TIMEOUTS.firstByte,
    firstEvent: route.firstEvent ?? provider.firstEvent ?? DEFAULT_TIMEOUTS.firstEvent,
    idle: route.idle ?? provider.idle ?? DEFAULT_TIMEOUTS.idle,
    total: route.total ?? provider.total ?? DEFAULT_TIMEOUTS.total,
  };
}

/** Whether the route is open to the namespace that the consumer lives in. */
export function admits(route: RouteEntry, consumer: ConsumerEntry): boolean {
  return route.consumers === '*' || route.consumers.includes(consumer.id.slice(0, consumer.id.indexOf('/')));
}

/** By the name asked for, which may be an alias, or by the model's own. */
export function mayUse({ allowedModels }: ConsumerEntry, name: string, model: ModelEntry): boolean {
  return (
    allowedModels === undefined ||
    allowedModels.some((pattern) => nameMatches(pattern, name) || nameMatches(pattern, model.modelName))
  );
}

function candidatesOf(
  table: ServedTable,
  model: ModelEntry,
  { consumer, conversation }: RequestToPlan,
  { isDown = () => false }: PlanContext,
): Candidate[] {
  const able = model.backends.filter((backend) => backendFault(table, backend) === undefined);
  return orderBackends(able, () => `${consumer?.id ?? ''} ${conversation()}`, isDown).flatMap((backend) => {
    const provider = table.provider(backend.provider);
    return provider ? [{ backend, providerId: backend.provider, provider }] : [];
  });
}

function backendFault(table: ServedTable, backend: BackendEntry): string | undefined {
  if (backend.weight === 0) return 'its weight is 0';
  if (!table.provider(backend.provider)) return `its provider ${backend.provider} is not in the table`;
  return undefined;
}

/** Said of every such name, also of one that does not exist: without a key nobody learns what others have. */
function closedModel(name: string): string {
  return `The model \`${name}\` is not open to callers without a valid API key.`;
}

/** OpenAI's own sentence, whether the model does not exist or is somebody else's. */
function unknownModel(name: string): string {
  return `The model \`${name}\` does not exist or you do not have access to it. GET /v1/models lists those you may use.`;
}

function unsupported({ model, operation }: RequestToPlan, operations: readonly Operation[]): string {
  return `The model \`${model}\` does not do ${operation}; it does ${operations.join(' and ') || 'nothing'}.`;
}

function passedOverClaims(
  claims: readonly RouteClaim[],
  chosen: RouteClaim | undefined,
  place: RequestPlace,
): PassedOver[] {
  return claims
    .filter((claim) => claim !== chosen)
    .map((claim) => ({
      type: 'Route',
      name: claim.id,
      why: mismatchOf(claim, place) ?? `${chosen?.id ?? 'another route'} matches more specifically`,
    }));
}

function passedOverBackends(table: ServedTable, model: ModelEntry): PassedOver[] {
  return model.backends.flatMap((backend) => {
    const why = backendFault(table, backend);
    return why === undefined ? [] : [{ type: 'Backend', name: backend.name, why }];
  });
}
