import { Hono } from 'hono';
import type { TablePickup } from '../table/pick-up.ts';
import { TableUnavailable } from '../table/table-unavailable.ts';

export interface HealthDependencies {
  readonly pickup: Pick<TablePickup, 'table' | 'served'>;
}

/**
 * Whether this isolate can serve: 503 until it holds a table of any cluster. One that never published, or was evicted,
 * has the revision null. `confirmed` is false while the hub cannot be asked.
 */
export function healthzRoute({ pickup }: HealthDependencies): Hono {
  return new Hono().get('/healthz', async (context) => {
    const headers = { 'cache-control': 'no-store' };
    try {
      await pickup.table();
    } catch (error) {
      if (!(error instanceof TableUnavailable)) throw error;
      return context.json({ status: 'starting', message: error.message, clusters: told(pickup) }, 503, headers);
    }
    return context.json({ status: 'ok', clusters: told(pickup) }, 200, headers);
  });
}

function told(pickup: HealthDependencies['pickup']) {
  return pickup.served().clusters.map(({ cluster, revision, confirmed }) => ({ cluster, revision, confirmed }));
}
