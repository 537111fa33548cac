import { Hono, type Context } from 'hono';
import type { z } from 'zod';
import { MAX_BUCKET_BYTES, MAX_POINTER_LENGTH } from '../../contract/buckets.ts';
import {
  blobList,
  inboxNotice,
  PUBLISH_PATHS,
  termClaim,
  type BlobList,
  type InboxKind,
  type InboxNotice,
} from '../../contract/publish-api.ts';
import { signalReport } from '../../contract/signals.ts';
import type { HubClient, InboxOutcome } from '../table/hub-protocol.ts';
import type { TableLog } from '../table/table-log.ts';
import { signedByCluster, type AuthenticationDependencies, type SignedRequest } from './publish-authentication.ts';
import { publishFailure, publishRefusal } from './publish-failure.ts';

export interface PublishDependencies extends AuthenticationDependencies {
  readonly hub: HubClient;
  readonly log: TableLog;
}

const CLAIM_BYTES = 4 * 1024;
const LIST_BYTES = 2 * 1024 * 1024;
const SIGNALS_BYTES = 1024 * 1024;

/** The endpoints by which an agent publishes (contract/publish-api.ts). The hub decides; these verify and pass on. */
export function publishRoutes(dependencies: PublishDependencies): Hono<SignedRequest> {
  const { hub, log } = dependencies;
  const routes = new Hono<SignedRequest>();
  const signed = (limit: number) => signedByCluster(dependencies, limit);

  routes.onError((error, context) => {
    log('warn', 'a publish request failed', { path: context.req.path, error: String(error) });
    return publishFailure(context, 503, 'hub_unavailable', 'The hub cannot be reached at the moment: try again.');
  });

  routes.post(PUBLISH_PATHS.term(':cluster'), signed(CLAIM_BYTES), async (context) => {
    const claim = parseJson(termClaim, context.var.body);
    if (!claim) return notUnderstood(context, 'a claim of a term');
    const grant = await hub.claimTerm(clusterOf(context), claim);
    return 'refused' in grant ? publishRefusal(context, grant.refused) : context.json(grant);
  });

  routes.post(PUBLISH_PATHS.missing(':cluster'), signed(LIST_BYTES), async (context) => {
    const list = parseJson(blobList, context.var.body);
    if (!list) return notUnderstood(context, 'a list of blobs');
    return context.json<BlobList>({ hashes: await hub.missingBlobs(list.hashes) });
  });

  routes.put(PUBLISH_PATHS.blob(':cluster', ':sha256'), signed(MAX_BUCKET_BYTES), async (context) => {
    const fault = await hub.putBlob(context.req.param('sha256') ?? '', context.var.body);
    return fault ? publishRefusal(context, { ...fault, current: null }) : context.body(null, 204);
  });

  routes.get(PUBLISH_PATHS.blob(':cluster', ':sha256'), signed(0), async (context) => {
    const [blob] = await hub.getBlobs([context.req.param('sha256') ?? ''], 'agent');
    if (!blob) return publishFailure(context, 404, 'unknown_blob', 'The hub does not have this blob.');
    return context.body(blob.bytes, 200, { 'content-type': 'application/octet-stream' });
  });

  routes.put(PUBLISH_PATHS.pointer(':cluster'), signed(MAX_POINTER_LENGTH), async (context) => {
    const jws = new TextDecoder().decode(context.var.body);
    const outcome = await hub.admit(clusterOf(context), jws);
    return 'refused' in outcome ? publishRefusal(context, outcome.refused) : context.json(outcome);
  });

  routes.post(PUBLISH_PATHS.inbox(':cluster'), signed(CLAIM_BYTES), async (context) => {
    const notice = parseJson(inboxNotice, context.var.body);
    if (!notice) return notUnderstood(context, 'a notice of what was put into an inbox');
    return inboxAnswer(context, notice, await hub.admitFromInbox(clusterOf(context), notice));
  });

  routes.get(PUBLISH_PATHS.state(':cluster'), signed(0), async (context) =>
    context.json(await hub.state(clusterOf(context))),
  );

  routes.get(PUBLISH_PATHS.revisions(':cluster'), signed(0), async (context) =>
    context.json(await hub.history(clusterOf(context))),
  );

  routes.put(PUBLISH_PATHS.signals(':cluster'), signed(SIGNALS_BYTES), async (context) => {
    const report = parseJson(signalReport, context.var.body);
    if (!report) return notUnderstood(context, 'a report of signals');
    await hub.takeSignals(clusterOf(context), report);
    return context.body(null, 204);
  });

  routes.delete(PUBLISH_PATHS.cluster(':cluster'), signed(0), async (context) => {
    await hub.evict(clusterOf(context));
    return context.body(null, 204);
  });
  return routes;
}

/** The cluster of the path, which signed the request. */
function clusterOf(context: Context<SignedRequest>): string {
  return context.req.param('cluster') ?? '';
}

function inboxAnswer(context: Context, { inbox }: InboxNotice, outcome: InboxOutcome): Response {
  if (outcome === 'not-arrived') {
    const message = 'The inbox does not show all of the revision yet: try again in a moment.';
    return publishFailure(context, 503, 'not_arrived', message);
  }
  if (outcome === 'no-inbox') return publishFailure(context, 400, 'no_inbox', missingInbox(inbox));
  return 'refused' in outcome ? publishRefusal(context, outcome.refused) : context.json(outcome);
}

function missingInbox(inbox: InboxKind): string {
  switch (inbox) {
    case 'CloudflareKV':
      return 'This edge has no KV namespace: see wrangler.toml.';
    case 'UpstashRedis':
      return 'This edge knows no Redis: give the worker the secrets UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN, or publish in another way.';
  }
}

function notUnderstood(context: Context, what: string): Response {
  return publishFailure(context, 400, 'not_understood', `The body is not ${what}.`);
}

function parseJson<T>(schema: z.ZodType<T>, body: Uint8Array): T | undefined {
  try {
    return schema.safeParse(JSON.parse(new TextDecoder().decode(body))).data;
  } catch {
    return undefined;
  }
}
