import type { Exchange } from './pipeline/exchange.ts';
import type { ServedTable } from './table/served-table.ts';

/** What middleware leaves for routes. */
export interface EdgeContext {
  Variables: {
    exchange: Exchange;
    table: ServedTable;
  };
}
