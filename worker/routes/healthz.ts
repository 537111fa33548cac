import { Hono } from 'hono';
import type { TablePickup } from '../table/pick-up.ts';
import { TableUnavailable } from '../table/table-unavailable.ts';

export interface HealthDependencies {
  readonly pickup: Pick<TablePickup, 'table' | 'served'>;
}

/** Whether this isolate can serve: 503 until it holds a table. `confirmed` is false while the hub cannot be asked. */
export function healthzRoute({ pickup }: HealthDependencies): Hono {
  return new Hono().get('/healthz', async (context) => {
    const headers = { 'cache-control': 'no-store' };
    try {
      await pickup.table();
    } catch (error) {
      if (!(error instanceof TableUnavailable)) throw error;
      return context.json({ status: 'starting', message: error.message }, 503, headers);
    }
    const { revision, confirmed } = pickup.served();
    return context.json({ status: 'ok', revision, confirmed }, 200, headers);
  });
}
