import { Hono } from 'hono';
import { PUBLISH_PATHS } from '../../contract/publish-api.ts';
import { sightingQuestion, type SightingAnswer, type SightingQuestion } from '../../contract/sighting.ts';
import type { TableLog } from '../table/table-log.ts';
import { signedByCluster, type AuthenticationDependencies, type SignedRequest } from './publish-authentication.ts';
import { publishFailure } from './publish-failure.ts';

export interface SightingDependencies extends AuthenticationDependencies {
  /** Looks through the connection of a provider of the cluster. */
  readonly look: (cluster: string, question: SightingQuestion) => Promise<SightingAnswer>;
  readonly log: TableLog;
}

/** An entry may have a dozen headers, and each of them a sealed secret. */
const QUESTION_BYTES = 256 * 1024;

/**
 * What this edge sees of a provider that an agent means to publish. An agent may ask of nothing that it could not have
 * called by publishing it, and learns less: names of models, or a sentence.
 */
export function sightingRoute(dependencies: SightingDependencies): Hono<SignedRequest> {
  const { look, log } = dependencies;
  const routes = new Hono<SignedRequest>();

  routes.onError((error, context) => {
    log('warn', 'a look at a provider failed', { path: context.req.path, error: String(error) });
    return publishFailure(context, 503, 'not_looked', 'The worker failed to look at the provider: try again.');
  });

  routes.post(PUBLISH_PATHS.sighting(':cluster'), signedByCluster(dependencies, QUESTION_BYTES), async (context) => {
    const question = parseQuestion(context.var.body);
    if (!question)
      return publishFailure(context, 400, 'not_understood', 'The body is not a question what the edge sees.');
    return context.json<SightingAnswer>(await look(context.req.param('cluster') ?? '', question));
  });
  return routes;
}

function parseQuestion(body: Uint8Array): SightingQuestion | undefined {
  try {
    return sightingQuestion.safeParse(JSON.parse(new TextDecoder().decode(body))).data;
  } catch {
    return undefined;
  }
}
