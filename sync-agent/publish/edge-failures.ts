import { publishError } from '../../contract/publish-api.ts';
import { excerpt, parsedJson, type HttpAnswer, type NoAnswer } from './http-exchange.ts';
import { PublishFailure } from './publish-failure.ts';

export function silenceFailure(endpoint: string, error: NoAnswer): PublishFailure {
  const advice = error.why === 'unreachable' ? ': check the endpoint' : '';
  return new PublishFailure(error.why, `the edge ${endpoint} ${error.message}${advice}`, { cause: error });
}

/** What an answer other than 2xx says. */
export function answerFailure(
  { status, bytes, retryAfterMs }: HttpAnswer,
  { endpoint, cluster }: { readonly endpoint: string; readonly cluster: string },
): PublishFailure {
  const answer = publishError.safeParse(parsedJson(bytes)).data;
  const why = answer?.error.message ?? excerpt(bytes);
  if (answer?.error.code === NOT_ARRIVED)
    return new PublishFailure('not-arrived', `the edge ${endpoint} does not see the table yet: ${why}`, {
      retryAfterMs,
    });
  if (status >= 500 || status === 429)
    return new PublishFailure('edge-failing', `the edge ${endpoint} answers ${status}: ${why}`, { retryAfterMs });
  if (status === 401 || status === 403)
    return new PublishFailure(
      'unauthorized',
      `the edge ${endpoint} does not take this agent's signature: ${why}. ` +
        `Its FAIRLEAD_CLUSTERS must list the cluster ${cluster} with the public half of the signing key`,
    );
  if (answer?.refusal) {
    const { rule, message } = answer.refusal;
    return new PublishFailure('refused', `the edge refuses the table (${rule}): ${message}`, { rule });
  }
  if (status === 404 && answer?.error.code === UNKNOWN_PATH)
    return new PublishFailure(
      'outdated-edge',
      `the worker of ${endpoint} is of an older release than this agent and does not know what it was asked: deploy the ` +
        "agent's (`npm run deploy`)",
    );
  if (answer) return new PublishFailure('not-accepted', `the edge ${endpoint} answers ${status}: ${why}`);
  return new PublishFailure(
    'not-an-edge',
    `${endpoint} answers ${status} where a Fairlead edge would publish: check EdgeGateway.spec.endpoint, and that ` +
      `the worker there is of this release (${why})`,
  );
}

/** The code of a 503 where an inbox does not show the hub yet what was put there. */
const NOT_ARRIVED = 'not_arrived';

/** The code of a worker's 404 at a path that it serves nothing at. */
const UNKNOWN_PATH = 'not_found';

export function strangeAnswer(bytes: Uint8Array): PublishFailure {
  return new PublishFailure(
    'not-an-edge',
    `the endpoint answered with something else than a Fairlead edge of this release would: ${excerpt(bytes)}`,
  );
}
