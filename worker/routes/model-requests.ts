import { createFactory } from 'hono/factory';
import type { Operation } from '../../contract/routing-table.ts';
import type { EdgeContext } from '../edge-context.ts';
import { serveModelRequest, type ServeServices } from '../pipeline/serve-model-request.ts';

const factory = createFactory<EdgeContext>();

/** POST chat/completions, completions and embeddings: the same way for each, in OpenAI's dialect. */
export function postModelRequest(operation: Operation, services: ServeServices) {
  const [handler] = factory.createHandlers((context) => {
    // `context.var` would be copied at each use.
    const exchange = context.get('exchange');
    const table = context.get('table');
    const waitUntil = (promise: Promise<void>): void => context.executionCtx.waitUntil(promise);
    return serveModelRequest(exchange, table, { operation, dialect: 'OpenAI' }, services, waitUntil);
  });
  return handler;
}
