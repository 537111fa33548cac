import type { Operation } from '../../../contract/routing-table.ts';
import type { Dialect } from '../dialect.ts';
import { readError, renderError, renderStreamError } from './errors.ts';
import { parseRequest, renderRequest } from './request.ts';
import { readAnswer } from './response.ts';
import { OpenAIStreamReader } from './stream.ts';

const PATHS: Readonly<Record<Operation, string>> = {
  chat: '/chat/completions',
  completions: '/completions',
  embeddings: '/embeddings',
};

export const openai: Dialect = {
  client: { parseRequest, renderError, renderStreamError },
  upstream: {
    path: (operation) => PATHS[operation],
    credentialHeader: (value) => ['authorization', `Bearer ${value}`],
    renderRequest,
    readAnswer,
    readStream: (operation, choice) => new OpenAIStreamReader(operation, choice),
    readError,
  },
};
