import type { Context } from 'hono';
import type { PublishError, Refusal, RefusalRule } from '../../contract/publish-api.ts';

type Status = 400 | 401 | 404 | 409 | 413 | 422 | 503;

/** What an agent is told where its request is not carried out. */
export function publishFailure(context: Context, status: Status, code: string, message: string): Response {
  const body: PublishError = { error: { message, type: 'publish_error', code } };
  return context.json(body, status);
}

/** What an agent is told where the hub refuses what it published. */
export function publishRefusal(context: Context, refusal: Refusal): Response {
  const body: PublishError = {
    error: { message: refusal.message, type: 'publish_refused', code: refusal.rule },
    refusal,
  };
  return context.json(body, statusOf(refusal.rule));
}

/** 409: the edge has moved on, read its state and try again. 422: as it is, it will never be accepted. */
function statusOf(rule: RefusalRule): 409 | 422 {
  switch (rule) {
    case 'generation':
    case 'replaces':
    case 'missing-blob':
      return 409;
    case 'signature':
    case 'edge':
    case 'cluster':
    case 'cluster-uid':
    case 'schema-version':
    case 'blob-hash':
    case 'blob-size':
    case 'blob-schema':
    case 'authority':
      return 422;
  }
}
