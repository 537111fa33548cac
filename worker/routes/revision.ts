import { Hono } from 'hono';
import { PUBLISH_PATHS } from '../../contract/publish-api.ts';
import type { TablePickup } from '../table/pick-up.ts';
import { signedByAnyCluster, type AuthenticationDependencies, type SignedRequest } from './publish-authentication.ts';

export interface RevisionDependencies extends AuthenticationDependencies {
  readonly pickup: Pick<TablePickup, 'refresh' | 'served'>;
}

/**
 * Which revision this isolate serves. An agent's signed request makes it ask the hub first, so that the probe which
 * follows a push is answered by that push, and wakes an edge that nobody uses.
 */
export function revisionRoute(dependencies: RevisionDependencies): Hono<SignedRequest> {
  const { pickup } = dependencies;
  const signed = signedByAnyCluster(dependencies, 0);
  return new Hono<SignedRequest>().get(
    PUBLISH_PATHS.revision,
    async (context, next) => (context.req.header('authorization') === undefined ? next() : signed(context, next)),
    async (context) => {
      if (context.req.header('authorization') !== undefined) await pickup.refresh();
      return context.json(pickup.served(), 200, { 'cache-control': 'no-store' });
    },
  );
}
