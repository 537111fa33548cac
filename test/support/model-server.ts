import { z } from 'zod';
import { startLocalHttpServer, type HttpCall, type LocalHttpServer } from './local-http-server.ts';

/** A stand-in for the pods of one inference service, told by a test what they do. */
export interface ModelServer extends LocalHttpServer {
  readonly port: number;
  /** What it lists, in the form of OpenAI's API. */
  models: readonly string[];
  /** Answered to everything in place of an answer. */
  refuse: ((call: HttpCall) => Response | undefined) | undefined;
  /** What it answers at /metrics; undefined: there is nothing. */
  metrics: string | undefined;
  readonly calls: readonly HttpCall[];
  /** How often it was asked for its models, whatever it answered. */
  looks(): number;
}

/** @param name stands in its answers */
export async function startModelServer(name: string, models: readonly string[] = []): Promise<ModelServer> {
  const calls: HttpCall[] = [];
  const state: Pick<ModelServer, 'models' | 'refuse' | 'metrics'> = { models, refuse: undefined, metrics: undefined };
  const server = await startLocalHttpServer(async (call) => {
    calls.push(call);
    const { pathname } = call.url;
    const refused = state.refuse?.(call);
    if (refused) return refused;
    if (pathname.endsWith('/v1/models')) return Response.json({ object: 'list', data: state.models.map(listed) });
    if (pathname.endsWith('/v1/chat/completions')) return Response.json(answerOf(name, call));
    if (pathname === '/metrics' && state.metrics !== undefined) return new Response(state.metrics);
    return Response.json({ detail: 'Not Found' }, { status: 404 });
  });
  return Object.assign(state, server, {
    port: Number(new URL(server.origin).port),
    calls,
    looks: () => calls.filter(({ url }) => url.pathname.endsWith('/models')).length,
  });
}

/** A page of vLLM's metrics. */
export function vllmMetrics(waiting: number, cacheUse = 0): string {
  return [
    '# TYPE vllm:num_requests_waiting gauge',
    `vllm:num_requests_waiting{engine="0",model_name="llama"} ${waiting}.0`,
    `vllm:kv_cache_usage_perc{engine="0",model_name="llama"} ${cacheUse}`,
    '',
  ].join('\n');
}

function listed(id: string): object {
  return { id, object: 'model', created: 1_767_225_600, owned_by: 'vllm' };
}

const question = z.object({ model: z.string() });

function answerOf(name: string, { body }: HttpCall): object {
  const { model } = question.parse(JSON.parse(body.toString()));
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1_767_225_600,
    model,
    choices: [{ index: 0, message: { role: 'assistant', content: `${name} as ${model}` }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  };
}
