import type { Operation } from '../../contract/routing-table.ts';
import { dialects } from '../dialects/registry.ts';
import type { DialectName } from '../dialects/dialect.ts';
import { Failure } from '../errors.ts';
import type { ServedTable } from '../table/served-table.ts';
import { partlyStarted } from '../table/table-unavailable.ts';
import type { Readiness } from '../upstream/readiness.ts';
import type { AnswerServices } from './answer-input.ts';
import { answerWithBody } from './answer-with-body.ts';
import { answerWithStream } from './answer-with-stream.ts';
import type { Authenticator, Caller } from './authenticate.ts';
import type { Exchange } from './exchange.ts';
import type { Candidate } from './list-candidates.ts';
import { mayBeAnonymous, type RequestPlace } from './match-route.ts';
import type { Standing } from './order-backends.ts';
import { planRequest, type Plan, type Serve } from './plan-request.ts';
import { readBody } from './read-body.ts';

export interface ServeServices extends AnswerServices {
  readonly authenticator: Authenticator;
  readonly readiness: Readiness;
}

/** The way of a request to a model. @throws {Failure} which the app renders in the caller's dialect */
export async function serveModelRequest(
  exchange: Exchange,
  table: ServedTable,
  asked: { readonly operation: Operation; readonly dialect: DialectName },
  services: ServeServices,
  waitUntil: (promise: Promise<void>) => void,
): Promise<Response> {
  exchange.operation = asked.operation;
  const caller = await identify(exchange, table, services.authenticator);
  const request = dialects[asked.dialect].client.parseRequest(asked.operation, await readBody(exchange.request));
  exchange.model = request.model;
  exchange.isStream = request.stream;

  const wanted = {
    ...placeOf(exchange),
    model: request.model,
    operation: asked.operation,
    consumer: exchange.consumer,
    // Without a conversation nothing is bound: each request draws anew.
    conversation: () => request.conversation() || exchange.requestId,
  };
  const decided = planRequest(table, wanted, standingOf(services));
  exchange.decidedBy = decided.table;
  const plan = admitted(decided, caller);
  exchange.plan = plan;
  // Limits reserve the request here, sessions open, caches are looked up, and tokens are reserved.

  // Whatever happens from here on is settled, also after the caller has gone.
  waitUntil(exchange.settled);
  const input = { exchange, plan, request, clientDialect: asked.dialect, services };
  return request.stream ? answerWithStream(input) : answerWithBody(input);
}

/** A caller without a valid key is sent away before its body is read, unless some route here asks for none. */
export async function identify(exchange: Exchange, table: ServedTable, authenticator: Authenticator): Promise<Caller> {
  const caller = await authenticator.authenticate(exchange.request.headers, table);
  if (caller.type === 'Known') exchange.consumer = caller.consumer;
  else if (!mayBeAnonymous(table, placeOf(exchange)))
    throw table.unavailable.length === 0 ? caller.why : partlyStarted();
  return caller;
}

function standingOf({ health, readiness }: ServeServices): Standing<Candidate> {
  return {
    isDown: (candidate) => health.isDown(candidate),
    serviceOf: ({ home, providerId }) => readiness.of(home.cluster, providerId),
  };
}

export function placeOf({ host, path, request }: Exchange): RequestPlace {
  return { host, path, header: (name) => request.headers.get(name) };
}

/** What is wrong with a key is worth saying only where a key was wanted. */
function admitted(plan: Plan, caller: Caller): Serve {
  if (plan.type === 'Serve') return plan;
  const reason = plan.code === 'invalid_api_key' && caller.type === 'Unknown' ? ` ${caller.why.message}` : '';
  const { param, detail } = plan;
  throw new Failure(plan.code, plan.message + reason, {
    ...(param !== undefined && { param }),
    ...(detail !== undefined && { detail }),
    ...(plan.code === 'not_ready' && { retryAfter: 1 }),
  });
}
