import type { Context, MiddlewareHandler } from 'hono';
import { createMiddleware } from 'hono/factory';
import { verifyRequest, type RequestToSign } from '../../contract/publish-request.ts';
import { UntrustedDocument } from '../../contract/revision.ts';
import { findCluster, type TableSettings, type TrustedCluster } from '../table/table-settings.ts';
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
 * Lets a request through that an agent of the cluster in the path signed: over method, path, body and time, for this
 * edge. The body, which is read for that, is handed on as `body`.
 *
 * @param limit bytes that the body may have
 */
export function signedByCluster(
  dependencies: AuthenticationDependencies,
  limit: number,
): MiddlewareHandler<SignedRequest> {
  return createMiddleware<SignedRequest>(async (context, next) => {
    const name = context.req.param('cluster') ?? '';
    const trusted = findCluster(dependencies.settings, name);
    if (trusted) return (await failureOf(context, [trusted], dependencies, limit)) ?? next();
    const message = `This edge does not know the cluster ${JSON.stringify(name)}: add it to FAIRLEAD_CLUSTERS.`;
    return publishFailure(context, 404, 'unknown_cluster', message);
  });
}

/** As `signedByCluster`, for a path that belongs to no cluster: any that the edge trusts may have signed. */
export function signedByAnyCluster(
  dependencies: AuthenticationDependencies,
  limit: number,
): MiddlewareHandler<SignedRequest> {
  return createMiddleware<SignedRequest>(
    async (context, next) => (await failureOf(context, dependencies.settings.clusters, dependencies, limit)) ?? next(),
  );
}

/** What a request is turned away with, unless one of the clusters signed it. */
async function failureOf(
  context: Context<SignedRequest>,
  clusters: readonly TrustedCluster[],
  { settings, now }: AuthenticationDependencies,
  limit: number,
): Promise<Response | undefined> {
  const { raw, method } = context.req;
  const authorization = raw.headers.get('authorization');
  // Nothing is read of what carries no signature at all.
  if (authorization === null) return publishFailure(context, 401, 'unsigned', 'The request carries no signature.');
  const body = await bodyWithin(raw, limit);
  if (!body) return publishFailure(context, 413, 'too_large', `The body may have ${limit} bytes.`);
  const { pathname, search } = new URL(raw.url);
  const request = { edge: settings.edge, method, path: pathname + search, body };
  const fault = await signatureFault(authorization, request, clusters, now());
  if (fault !== undefined) return publishFailure(context, 401, 'untrusted', `The request is not accepted: ${fault}.`);
  context.set('body', body);
  return undefined;
}

async function signatureFault(
  authorization: string,
  request: RequestToSign,
  clusters: readonly TrustedCluster[],
  now: number,
): Promise<string | undefined> {
  let fault = 'this edge trusts no cluster';
  // Two clusters may call their keys by the same name.
  for (const { findKey } of clusters) {
    try {
      await verifyRequest(authorization, request, findKey, now);
      return undefined;
    } catch (error) {
      if (!(error instanceof UntrustedDocument)) throw error;
      fault = error.message;
    }
  }
  return fault;
}
