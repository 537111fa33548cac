import { Hono, type MiddlewareHandler } from 'hono';
import type { z } from 'zod';
import { MAX_BUCKET_BYTES, MAX_POINTER_LENGTH } from '../../contract/buckets.ts';
import { blobList, PUBLISH_PATHS, termClaim, type BlobList } from '../../contract/publish-api.ts';
import type { HubClient } from '../table/hub-protocol.ts';
import type { TableLog } from '../table/table-log.ts';
import { signedByCluster, type AuthenticationDependencies, type SignedRequest } from './publish-authentication.ts';
import { publishFailure, publishRefusal } from './publish-failure.ts';

export interface PublishDependencies extends AuthenticationDependencies {
  readonly hub: HubClient;
  readonly log: TableLog;
}

const CLAIM_BYTES = 4 * 1024;
const LIST_BYTES = 2 * 1024 * 1024;

/** The endpoints by which an agent publishes (contract/publish-api.ts). The hub decides; these verify and pass on. */
export function publishRoutes(dependencies: PublishDependencies): Hono<SignedRequest> {
  const { hub, log, settings } = dependencies;
  const cluster = settings.cluster.trust.name;
  const routes = new Hono<SignedRequest>();
  const known = trustedCluster(dependencies);
  const signed = (limit: number) => signedByCluster(dependencies, limit);

  routes.onError((error, context) => {
    log('warn', 'a publish request failed', { path: context.req.path, error: String(error) });
    return publishFailure(context, 503, 'hub_unavailable', 'The hub cannot be reached at the moment: try again.');
  });

  routes.post(PUBLISH_PATHS.term(':cluster'), known, signed(CLAIM_BYTES), async (context) => {
    const claim = parseJson(termClaim, context.var.body);
    if (!claim) return publishFailure(context, 400, 'not_understood', 'The body is not a claim of a term.');
    const grant = await hub.claimTerm(cluster, claim);
    return 'refused' in grant ? publishRefusal(context, grant.refused) : context.json(grant);
  });

  routes.post(PUBLISH_PATHS.missing(':cluster'), known, signed(LIST_BYTES), async (context) => {
    const list = parseJson(blobList, context.var.body);
    if (!list) return publishFailure(context, 400, 'not_understood', 'The body is not a list of blobs.');
    return context.json<BlobList>({ hashes: await hub.missingBlobs(list.hashes) });
  });

  routes.put(PUBLISH_PATHS.blob(':cluster', ':sha256'), known, signed(MAX_BUCKET_BYTES), async (context) => {
    const fault = await hub.putBlob(context.req.param('sha256') ?? '', context.var.body);
    return fault ? publishRefusal(context, { ...fault, current: null }) : context.body(null, 204);
  });

  routes.get(PUBLISH_PATHS.blob(':cluster', ':sha256'), known, signed(0), async (context) => {
    const [blob] = await hub.getBlobs([context.req.param('sha256') ?? '']);
    if (!blob) return publishFailure(context, 404, 'unknown_blob', 'The hub does not have this blob.');
    return context.body(blob.bytes, 200, { 'content-type': 'application/octet-stream' });
  });

  routes.put(PUBLISH_PATHS.pointer(':cluster'), known, signed(MAX_POINTER_LENGTH), async (context) => {
    const jws = new TextDecoder().decode(context.var.body);
    const outcome = await hub.admit(cluster, jws);
    return 'refused' in outcome ? publishRefusal(context, outcome.refused) : context.json(outcome);
  });

  routes.get(PUBLISH_PATHS.state(':cluster'), known, signed(0), async (context) =>
    context.json(await hub.state(cluster)),
  );
  return routes;
}

function trustedCluster({ settings }: AuthenticationDependencies): MiddlewareHandler {
  return async (context, next) => {
    const cluster = context.req.param('cluster') ?? '';
    if (cluster === settings.cluster.trust.name) return next();
    const message = `This edge does not know the cluster ${JSON.stringify(cluster)}: add it to FAIRLEAD_CLUSTERS.`;
    return publishFailure(context, 404, 'unknown_cluster', message);
  };
}

function parseJson<T>(schema: z.ZodType<T>, body: Uint8Array): T | undefined {
  try {
    return schema.safeParse(JSON.parse(new TextDecoder().decode(body))).data;
  } catch {
    return undefined;
  }
}
