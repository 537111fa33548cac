import type { MiddlewareHandler } from 'hono';
import { createMiddleware } from 'hono/factory';
import { verifyRequest } from '../../contract/publish-request.ts';
import { UntrustedDocument } from '../../contract/revision.ts';
import type { TableSettings } from '../table/table-settings.ts';
import { publishFailure } from './publish-failure.ts';
import { bodyWithin } from './publish-body.ts';

export interface SignedRequest {
  Variables: { body: Uint8Array<ArrayBuffer> };
}

export interface AuthenticationDependencies {
  readonly settings: TableSettings;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/**
 * Lets a request through that a trusted cluster's agent signed: over method, path, body and time, for this edge. The
 * body, which is read for that, is handed on as `body`.
 *
 * @param limit bytes that the body may have
 */
export function signedByCluster(
  { settings, now }: AuthenticationDependencies,
  limit: number,
): MiddlewareHandler<SignedRequest> {
  return createMiddleware<SignedRequest>(async (context, next) => {
    const { raw, method } = context.req;
    const authorization = raw.headers.get('authorization');
    // Nothing is read of what carries no signature at all.
    if (authorization === null) return publishFailure(context, 401, 'unsigned', 'The request carries no signature.');
    const body = await bodyWithin(raw, limit);
    if (!body) return publishFailure(context, 413, 'too_large', `The body may have ${limit} bytes.`);
    const { pathname, search } = new URL(raw.url);
    try {
      const request = { edge: settings.edge, method, path: pathname + search, body };
      await verifyRequest(authorization, request, settings.cluster.findKey, now());
    } catch (error) {
      if (!(error instanceof UntrustedDocument)) throw error;
      return publishFailure(context, 401, 'untrusted', `The request is not accepted: ${error.message}.`);
    }
    context.set('body', body);
    return next();
  });
}
