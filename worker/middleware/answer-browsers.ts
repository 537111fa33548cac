import { createMiddleware } from 'hono/factory';
import type { Cors } from '../../contract/routing-table.ts';
import type { EdgeContext } from '../edge-context.ts';
import { Failure } from '../errors.ts';
import { allowsOrigin, answerHeaders, preflightHeaders } from '../pipeline/cross-origin.ts';
import type { Exchange } from '../pipeline/exchange.ts';
import { claimsAt } from '../pipeline/match-route.ts';
import type { ServedTable } from '../table/served-table.ts';

/** CORS (https://fetch.spec.whatwg.org/#http-cors-protocol) as the routes say. Others than browsers send no `Origin`. */
export function answerBrowsers() {
  return createMiddleware<EdgeContext>(async (context, next) => {
    const { headers, method } = context.req.raw;
    const origin = headers.get('origin');
    if (origin === null) return next();
    const { table, exchange } = context.var;
    if (method === 'OPTIONS' && headers.has('access-control-request-method')) {
      const cors = corsOfPlace(table, exchange, origin);
      if (!cors)
        throw new Failure(
          'method_not_allowed',
          `No route here is open to scripts of ${origin}: its \`cors\` would have to allow it.`,
        );
      const requested = headers.get('access-control-request-headers');
      return new Response(null, { status: 204, headers: preflightHeaders(cors, origin, requested) });
    }
    await next();
    const cors = corsOf(table, exchange, origin);
    if (cors)
      for (const [name, value] of Object.entries(answerHeaders(cors, origin))) context.res.headers.set(name, value);
  });
}

/** The route's own, once it is known; an error before that is still readable where any route here allows the origin. */
function corsOf(table: ServedTable, exchange: Exchange, origin: string): Cors | undefined {
  const { plan } = exchange;
  if (!plan) return corsOfPlace(table, exchange, origin);
  const { cors } = plan.route;
  return cors && allowsOrigin(cors, origin) ? cors : undefined;
}

/** A preflight request names no model, hence no route: the most specific one that allows the origin speaks for all. */
function corsOfPlace(table: ServedTable, exchange: Exchange, origin: string): Cors | undefined {
  return claimsAt(table, exchange).find(({ route }) => route.cors && allowsOrigin(route.cors, origin))?.route.cors;
}
