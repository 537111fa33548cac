import { createMiddleware } from 'hono/factory';
import type { EdgeContext } from '../edge-context.ts';
import { digestOfKey } from '../pipeline/authenticate.ts';
import type { ServedTable } from '../table/served-table.ts';

export interface TableSource {
  /**
   * @param firstKey gives the SHA-256 of the request's key, for whoever has to fetch the table first
   * @throws {TableUnavailable}
   */
  table(firstKey: () => Promise<string> | undefined): ServedTable | Promise<ServedTable>;
}

/** One table from the beginning of a request to its end, whatever is picked up meanwhile. */
export function holdTable(source: TableSource) {
  return createMiddleware<EdgeContext>(async (context, next) => {
    const held = source.table(() => digestOfKey(context.req.raw.headers));
    const table = held instanceof Promise ? await held : held;
    context.set('table', table);
    const exchange = context.get('exchange');
    exchange.table = table;
    await next();
  });
}
