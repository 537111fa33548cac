import { Hono } from 'hono';
import type { EdgeContext } from './edge-context.ts';
import { Failure } from './errors.ts';
import { answerBrowsers } from './middleware/answer-browsers.ts';
import { holdTable, type TableSource } from './middleware/hold-table.ts';
import { openExchange, type ExchangeDependencies } from './middleware/open-exchange.ts';
import { respondToFailure } from './middleware/respond-to-failure.ts';
import { endpointOf, pathOf } from './pipeline/endpoint.ts';
import type { ServeServices } from './pipeline/serve-model-request.ts';
import type { healthzRoute } from './routes/healthz.ts';
import { postModelRequest } from './routes/model-requests.ts';
import { getModel, listModels } from './routes/models.ts';
import type { publishRoutes } from './routes/publish.ts';
import type { revisionRoute } from './routes/revision.ts';
import type { sightingRoute } from './routes/sighting.ts';

export interface AppDependencies extends ExchangeDependencies {
  readonly tables: TableSource;
  readonly services: ServeServices;
  readonly publish: ReturnType<typeof publishRoutes>;
  readonly sighting: ReturnType<typeof sightingRoute>;
  readonly revision: ReturnType<typeof revisionRoute>;
  readonly healthz: ReturnType<typeof healthzRoute>;
}

/** The table of contents of the edge. Paths are those of the endpoints: a route's prefix may stand before them. */
export function createApp({
  tables,
  services,
  publish,
  sighting,
  revision,
  healthz,
  ...exchange
}: AppDependencies): Hono<EdgeContext> {
  const app = new Hono<EdgeContext>({ getPath: (request) => endpointOf(pathOf(request.url)) });

  // The control side comes before every route, so that no route can stand in for it.
  app.route('/', publish);
  app.route('/', sighting);
  app.route('/', revision);
  app.route('/', healthz);
  app.all('/fairlead/*', unknownPath);

  app.use(openExchange(exchange));
  app.use(holdTable(tables));
  app.use(answerBrowsers());

  app.post('/v1/chat/completions', postModelRequest('chat', services));
  app.post('/v1/completions', postModelRequest('completions', services));
  app.post('/v1/embeddings', postModelRequest('embeddings', services));
  app.get('/v1/models', listModels(services));
  app.get('/v1/models/:model{.+}', getModel(services));

  for (const path of ['/v1/chat/completions', '/v1/completions', '/v1/embeddings']) app.all(path, only('POST'));
  for (const path of ['/v1/models', '/v1/models/:model{.+}']) app.all(path, only('GET'));

  app.all('*', unknownPath);
  app.onError(respondToFailure);
  return app;
}

function only(method: string): () => never {
  return () => {
    throw new Failure('method_not_allowed', `This endpoint is called by ${method}.`, { allow: method });
  };
}

function unknownPath(): never {
  throw new Failure(
    'not_found',
    'Nothing is served at this path. The endpoints are /v1/chat/completions, /v1/completions, /v1/embeddings and /v1/models.',
  );
}
