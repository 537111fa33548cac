import { unknownFeatures } from '../../contract/features.ts';
import { nameMatches } from '../../contract/route-match.ts';
import type { ConsumerEntry, ModelEntry, Operation, RouteEntry, Timeouts } from '../../contract/routing-table.ts';
import type { FailureCode } from '../errors.ts';
import type { ClusterTable, RouteClaim, ServedConsumer, ServedTable } from '../table/served-table.ts';
import { partlyStarted } from '../table/table-unavailable.ts';
import { withoutPort } from './endpoint.ts';
import { findModel, type FoundModel } from './find-model.ts';
import { listCandidates, type Candidate, type LeftOut } from './list-candidates.ts';
import { claimMatches, mismatchOf, type RequestPlace } from './match-route.ts';
import { orderBackends, type Standing } from './order-backends.ts';
import { requirement, tooOld } from './requirement.ts';
import { rankOf } from '../upstream/service-signal.ts';

export interface RequestToPlan extends RequestPlace {
  /** As the caller names it. */
  readonly model: string;
  readonly operation: Operation;
  /** Whose key it is; undefined without a key that is valid. */
  readonly consumer: ServedConsumer | undefined;
  /** What should keep meeting one backend; empty: nothing. Called only where there is a choice. */
  readonly conversation: () => string;
}

/** What was not chosen, and why; for people. */
export interface PassedOver {
  readonly type: 'Route' | 'Backend';
  readonly name: string;
  readonly why: string;
}

export interface Serve {
  readonly type: 'Serve';
  /** Of the route's cluster. */
  readonly table: ClusterTable;
  readonly routeId: string;
  readonly route: RouteEntry;
  readonly modelId: string;
  /** Where clusters unite in it, the one of the cluster that is listed earliest: its backends are not all. */
  readonly model: ModelEntry;
  /** In the order of attempt. */
  readonly candidates: readonly [Candidate, ...Candidate[]];
  timeouts(candidate: Candidate): EffectiveTimeouts;
  /** What makes its first replica when it is called, where nothing after it can answer: it is waited for. */
  readonly starting: Candidate | undefined;
  passedOver(): PassedOver[];
}

export interface Refuse {
  readonly type: 'Refuse';
  /** Of the route's cluster, where there is a route. */
  readonly table: ClusterTable | undefined;
  readonly code: FailureCode;
  readonly message: string;
  /** For the operator. */
  readonly detail?: string | undefined;
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
 * How long a service that makes its first replica when it is called is waited for, and for how long it is called at
 * least where another backend can answer meanwhile: docs/adr/0018-cold-services.md.
 */
export const START_MS = 300_000;
const WAKE_MS = 10_000;

/**
 * What a request meets: route, model, backends in order, and the treatment. A pure function of the table and the
 * request; the worker acts on it and `fairlead explain` prints it.
 */
export function planRequest(table: ServedTable, asked: RequestToPlan, standing: Standing<Candidate> = {}): Plan {
  const request = { ...asked, host: withoutPort(asked.host) };
  const claims = table.claimsOn(request.model);
  const claim = claims.find((candidate) => claimMatches(candidate, request));
  const passedOver = (): PassedOver[] => passedOverClaims(claims, claim, request);
  const met: Met = { table: claim && table.of(claim.cluster), isWhole: table.unavailable.length === 0, passedOver };
  const found = claim && findModel(table, claim, request.model, request);
  const { consumer } = request;
  if (!consumer && claim?.route.authentication !== 'Anonymous')
    return absent(met, 'invalid_api_key', closedModel(request.model));
  if (!claim || !found || !met.table) return absent(met, 'model_not_found', unknownModel(request.model));

  const { route, id: routeId } = claim;
  const closed = consumer && route.authentication !== 'Anonymous' && closedTo(consumer, claim, found, request.model);
  if (closed) return refuse(met, ...closed);
  const tooNew = requirement('route', routeId, route) ?? requirement('model', found.id, found.own);
  if (tooNew !== undefined) return unsupported(met, request.model, tooNew);
  const [{ model }] = found.parts;
  if (model.operations && !model.operations.includes(request.operation))
    return refuse(met, 'unsupported_operation', otherOperation(request, model.operations));

  const { candidates, leftOut } = listCandidates(found);
  const [first, ...others] = orderBackends(
    candidates,
    () => `${consumer?.id ?? ''} ${request.conversation()}`,
    standing,
  );
  if (!first) return nobody(met, request.model, leftOut);
  const ordered: Serve['candidates'] = [first, ...others];
  const rank = (candidate: Candidate): number => rankOf(standing.serviceOf?.(candidate));
  const lastToAnswer = ordered.findLast((candidate) => rank(candidate) < 2);
  const starting = lastToAnswer && rank(lastToAnswer) === 1 ? lastToAnswer : undefined;
  return {
    type: 'Serve',
    table: met.table,
    routeId,
    route,
    modelId: found.id,
    model,
    candidates: ordered,
    starting,
    timeouts: (candidate) => {
      const start = candidate === starting ? 'Starting' : rank(candidate) === 1 ? 'Waking' : 'Up';
      return effectiveTimeouts(route.timeouts, candidate.provider.timeouts, start);
    },
    passedOver: () => [...passedOver(), ...leftOut.map(({ backend, why }) => passedOverBackend(backend.name, why))],
  };
}

/** What is known of a request before it is clear what becomes of it. */
interface Met extends Pick<Refuse, 'table' | 'passedOver'> {
  /** No cluster's table is missing that could know better. */
  readonly isWhole: boolean;
}

function refuse({ table, passedOver }: Met, code: FailureCode, message: string, detail?: string): Refuse {
  return { type: 'Refuse', table, code, message, detail, param: 'model', passedOver };
}

/** What is not found may stand in a table that cannot be had at the moment. */
function absent(met: Met, code: FailureCode, message: string): Refuse {
  return met.isWhole
    ? refuse(met, code, message)
    : refuse(met, 'not_ready', `This gateway is starting: ${partlyStarted().message}.`);
}

function nobody(met: Met, model: string, leftOut: readonly LeftOut[]): Refuse {
  const tooNew = leftOut.filter(({ isUnsupported }) => isUnsupported);
  if (tooNew.length > 0) return unsupported(met, model, tooNew.map(({ why }) => why).join('; '));
  // A table holds a model without any backend while those that it has are not ready.
  if (leftOut.length === 0)
    return refuse(met, 'not_ready', `The model \`${model}\` is not ready at the moment. Try again in a while.`);
  return refuse(met, 'no_backend', `No backend serves the model \`${model}\` at the moment. Ask its operator.`);
}

function unsupported(met: Met, model: string, detail: string): Refuse {
  return refuse(met, 'unsupported_feature', tooOld(`the model \`${model}\``), detail);
}

function effectiveTimeouts(
  route: Timeouts,
  provider: Timeouts,
  start: 'Up' | 'Waking' | 'Starting',
): EffectiveTimeouts {
  const asked = route.firstByte ?? provider.firstByte;
  const firstByte = asked ?? (start === 'Waking' ? WAKE_MS : DEFAULT_TIMEOUTS.firstByte);
  return {
    firstByte: start === 'Starting' ? Math.max(firstByte, START_MS) : firstByte,
    firstEvent: route.firstEvent ?? provider.firstEvent ?? DEFAULT_TIMEOUTS.firstEvent,
    idle: route.idle ?? provider.idle ?? DEFAULT_TIMEOUTS.idle,
    total: route.total ?? provider.total ?? DEFAULT_TIMEOUTS.total,
  };
}

/** Whether the route is open to the consumer's namespace. One of the same name in another cluster is another. */
export function admits({ cluster, route }: RouteClaim, consumer: ServedConsumer): boolean {
  if (cluster !== consumer.cluster) return false;
  // Of a route that requires more than this worker knows, nothing else is known.
  if (unknownFeatures(route).length > 0) return true;
  return route.consumers === '*' || route.consumers.includes(consumer.id.slice(0, consumer.id.indexOf('/')));
}

/** By the name asked for, which may be an alias, or by the model's own. */
export function mayUse({ allowedModels }: ConsumerEntry, name: string, model: ModelEntry): boolean {
  return (
    allowedModels === undefined ||
    allowedModels.some((pattern) => nameMatches(pattern, name) || nameMatches(pattern, model.modelName))
  );
}

function closedTo(
  consumer: ServedConsumer,
  claim: RouteClaim,
  { own }: FoundModel,
  name: string,
): [FailureCode, string] | undefined {
  if (!admits(claim, consumer)) return ['model_not_found', unknownModel(name)];
  if (mayUse(consumer, name, own)) return undefined;
  const message = `This API key may not use the model \`${name}\`. GET /v1/models lists those it may use.`;
  return ['model_not_allowed', message];
}

/** Said of every such name, also of one that does not exist: without a key nobody learns what others have. */
function closedModel(name: string): string {
  return `The model \`${name}\` is not open to callers without a valid API key.`;
}

/** OpenAI's own sentence, whether the model does not exist or is somebody else's. */
function unknownModel(name: string): string {
  return `The model \`${name}\` does not exist or you do not have access to it. GET /v1/models lists those you may use.`;
}

function otherOperation({ model, operation }: RequestToPlan, operations: readonly Operation[]): string {
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

function passedOverBackend(name: string, why: string): PassedOver {
  return { type: 'Backend', name, why };
}
