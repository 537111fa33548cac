import type { z } from 'zod';

import { answerChat, answerPrompt } from './answer.ts';
import { renderEmbeddings } from './embedding.ts';
import { behaviourOf, failures, refuse } from './failures.ts';
import type { Behaviour } from './failures.ts';
import { renderChatBody, renderChatEvents } from './render-chat.ts';
import type { StreamEvent } from './render-chat.ts';
import { renderCompletionBody, renderCompletionEvents } from './render-completion.ts';
import { chatRequestSchema, completionRequestSchema, embeddingRequestSchema } from './request-schemas.ts';
import type { CompletionRequest } from './request-schemas.ts';
import { countTokens } from './tokens.ts';
import { countPromptTokens, usageOf } from './usage.ts';

/** What is to be sent, and how well it is to go. `tokens` sets how long a whole body takes to make. */
export type Reply =
  | { type: 'Body'; body: object; tokens: number; behaviour: Behaviour }
  | { type: 'Events'; events: StreamEvent[]; behaviour: Behaviour };

export type EndpointContext = { models: readonly string[]; id: string; created: number };

type Endpoint = (body: unknown, context: EndpointContext) => Reply;

const endpoints: Record<string, Endpoint> = {
  'POST /v1/chat/completions': chat,
  'POST /v1/completions': completion,
  'POST /v1/embeddings': embeddings,
  'GET /v1/models': listModels,
};

/** The reply to a request whose JSON body, where it has one, is `body`. Pure, failures included. */
export function replyTo(method: string, path: string, body: unknown, context: EndpointContext): Reply {
  const endpoint = endpoints[`${method} ${path}`];
  if (endpoint !== undefined) return endpoint(body, context);
  if (method === 'GET' && path.startsWith('/v1/models/')) {
    return describeModel(decodeURIComponent(path.slice('/v1/models/'.length)), context);
  }
  return refusal(404, `Unknown request URL: ${method} ${path}.`, { code: 'unknown_url' });
}

/** Real providers report the dated snapshot behind the name that was asked for. */
export function reportedModel(model: string): string {
  return `${model}-2026-01-15`;
}

function chat(body: unknown, context: EndpointContext): Reply {
  const parsed = chatRequestSchema.safeParse(body);
  if (!parsed.success) return invalidRequest(parsed.error);
  const request = parsed.data;
  const behaviour = behaviourOf(request.model);
  const answers = Array.from({ length: request.n ?? 1 }, (_, choice) =>
    answerChat(request, choice, fixedLength(behaviour)),
  );
  const usage = usageOf(countPromptTokens(request), answers);
  const head = {
    id: `chatcmpl-${context.id}`,
    created: context.created,
    model: reportedModel(request.model),
  };
  if (request.stream !== true) {
    const tokens = usage.completion_tokens;
    return { type: 'Body', body: renderChatBody(head, answers, usage), tokens, behaviour };
  }
  const asked = request.stream_options?.include_usage === true ? usage : undefined;
  return { type: 'Events', events: renderChatEvents(head, answers, asked), behaviour };
}

function completion(body: unknown, context: EndpointContext): Reply {
  const parsed = completionRequestSchema.safeParse(body);
  if (!parsed.success) return invalidRequest(parsed.error);
  const request = parsed.data;
  const behaviour = behaviourOf(request.model);
  const prompts = promptsOf(request);
  const answers = prompts.flatMap((prompt) =>
    Array.from({ length: request.n ?? 1 }, (_, choice) =>
      answerPrompt(prompt, choice, {
        maxTokens: request.max_tokens ?? undefined,
        stop: request.stop,
        exactTokens: fixedLength(behaviour),
      }),
    ),
  );
  const usage = usageOf(countTokens(prompts.join(' ')), answers);
  const head = {
    id: `cmpl-${context.id}`,
    created: context.created,
    model: reportedModel(request.model),
  };
  if (request.stream !== true) {
    const tokens = usage.completion_tokens;
    return { type: 'Body', body: renderCompletionBody(head, answers, usage), tokens, behaviour };
  }
  const asked = request.stream_options?.include_usage === true ? usage : undefined;
  return { type: 'Events', events: renderCompletionEvents(head, answers, asked), behaviour };
}

function promptsOf(request: CompletionRequest): string[] {
  if (typeof request.prompt === 'string') return [request.prompt];
  const isTokenIds = request.prompt.every((item) => typeof item === 'number');
  return isTokenIds ? [request.prompt.join(' ')] : request.prompt.map(String);
}

function embeddings(body: unknown): Reply {
  const parsed = embeddingRequestSchema.safeParse(body);
  if (!parsed.success) return invalidRequest(parsed.error);
  const behaviour = behaviourOf(parsed.data.model);
  const vectors = renderEmbeddings(parsed.data, reportedModel(parsed.data.model));
  return { type: 'Body', body: vectors, tokens: 0, behaviour };
}

function listModels(_body: unknown, context: EndpointContext): Reply {
  const names = [...context.models, ...failures.map((failure) => failure.name)];
  const body = { object: 'list', data: names.map(modelObject) };
  return { type: 'Body', body, tokens: 0, behaviour: { type: 'Answer' } };
}

function describeModel(model: string, context: EndpointContext): Reply {
  if (!context.models.includes(model)) {
    const message = `The model '${model}' does not exist`;
    return refusal(404, message, { param: 'model', code: 'model_not_found' });
  }
  return { type: 'Body', body: modelObject(model), tokens: 0, behaviour: { type: 'Answer' } };
}

function modelObject(id: string): object {
  return { id, object: 'model', created: 1767225600, owned_by: 'fairlead-simulator' };
}

function fixedLength(behaviour: Behaviour): number | undefined {
  return behaviour.type === 'Answer' ? behaviour.tokens : undefined;
}

function invalidRequest(error: z.ZodError): Reply {
  const [issue] = error.issues;
  const param = issue?.path.map(String).join('.') || null;
  const message = `Invalid '${param ?? 'body'}': ${issue?.message ?? 'the request is invalid'}.`;
  return refusal(400, message, { param, code: 'invalid_value' });
}

/** A refusal of the simulator itself, as opposed to one that a model's name asked for. */
export function refusal(
  status: number,
  message: string,
  detail: { param?: string | null; code?: string | null } = {},
): Reply {
  const { code = null, param = null } = detail;
  const behaviour = refuse(status, 'invalid_request_error', code, message, {}, param);
  return { type: 'Body', body: {}, tokens: 0, behaviour };
}
