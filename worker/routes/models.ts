import { createFactory } from 'hono/factory';
import type { EdgeContext } from '../edge-context.ts';
import { Failure } from '../errors.ts';
import type { Authenticator } from '../pipeline/authenticate.ts';
import { identify, placeOf } from '../pipeline/serve-model-request.ts';
import { partlyStarted } from '../table/table-unavailable.ts';
import { visibleModels, type VisibleModel } from '../pipeline/visible-models.ts';

const factory = createFactory<EdgeContext>();

/** GET /v1/models: what this caller may use. */
export function listModels({ authenticator }: { readonly authenticator: Authenticator }) {
  const [handler] = factory.createHandlers(async (context) => {
    const { exchange, table } = context.var;
    await identify(exchange, table, authenticator);
    const visible = visibleModels(table, placeOf(exchange), exchange.consumer);
    return context.json({ object: 'list', data: visible.map(render) });
  });
  return handler;
}

/** GET /v1/models/{id}; an id may hold slashes, as those of Hugging Face do. */
export function getModel({ authenticator }: { readonly authenticator: Authenticator }) {
  const [handler] = factory.createHandlers(async (context) => {
    const { exchange, table } = context.var;
    await identify(exchange, table, authenticator);
    const name = context.req.param('model') ?? '';
    const found = visibleModels(table, placeOf(exchange), exchange.consumer).find((model) => model.name === name);
    if (!found && table.unavailable.length > 0) throw partlyStarted();
    if (!found)
      throw new Failure(
        'model_not_found',
        `The model \`${name}\` does not exist or you do not have access to it. GET /v1/models lists those you may use.`,
        { param: 'model' },
      );
    return context.json(render(found));
  });
  return handler;
}

/** OpenAI's fields, and two that clients of others look for; absent where nobody said. */
function render({ name, model }: VisibleModel) {
  return {
    id: name,
    object: 'model',
    created: Math.floor(Date.parse(model.created) / 1000) || 0,
    owned_by: 'fairlead',
    context_window: model.contextWindow,
    max_output_tokens: model.maxOutputTokens,
  };
}
