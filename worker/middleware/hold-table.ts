import { createMiddleware } from 'hono/factory';
import type { EdgeContext } from '../edge-context.ts';
import type { ServedTable } from '../table/served-table.ts';

export interface TableSource {
  /** @throws {TableUnavailable} */
  table(): ServedTable | Promise<ServedTable>;
}

/** One table from the beginning of a request to its end, whatever is picked up meanwhile. */
export function holdTable(source: TableSource) {
  return createMiddleware<EdgeContext>(async (context, next) => {
    const held = source.table();
    const table = held instanceof Promise ? await held : held;
    context.set('table', table);
    context.get('exchange').table = table;
    await next();
  });
}
