import { createMiddleware } from 'hono/factory';
import type { Clock } from '../clock.ts';
import type { EdgeContext } from '../edge-context.ts';
import { hostOf, pathOf } from '../pipeline/endpoint.ts';
import { Exchange } from '../pipeline/exchange.ts';
import type { RequestRecord } from '../pipeline/request-record.ts';

export interface ExchangeDependencies {
  readonly clock: Clock;
  readonly newId: () => string;
  readonly record: (record: RequestRecord) => void;
}

/** A caller's own id is kept, so that its logs and ours can be joined, unless it could harm one of them. */
const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** Gives each request its id, and each response, errors too, what an on-call engineer asks for first. */
export function openExchange({ clock, newId, record }: ExchangeDependencies) {
  return createMiddleware<EdgeContext>(async (context, next) => {
    const request = context.req.raw;
    const given = request.headers.get('x-request-id');
    const requestId = given !== null && REQUEST_ID.test(given) ? given : newId();
    const place = { host: hostOf(request.url), path: pathOf(request.url) };
    const exchange = new Exchange(request, { requestId, ...place, clock }, record);
    context.set('exchange', exchange);
    await next();
    const { headers, status } = context.res;
    headers.set('x-request-id', requestId);
    const revision = exchange.decidedBy?.revision ?? exchange.table?.revision;
    if (revision !== undefined) headers.set('x-fairlead-revision', revision);
    headers.set('server-timing', timingOf(exchange));
    if (!exchange.settlesLater) exchange.settle('completed', status);
  });
}

/** Milliseconds until a backend had answered, and until this response began. */
function timingOf({ startedAt, answeredAt, clock }: Exchange): string {
  const total = `total;dur=${clock.now() - startedAt}`;
  return answeredAt === undefined ? total : `upstream;dur=${answeredAt - startedAt}, ${total}`;
}
