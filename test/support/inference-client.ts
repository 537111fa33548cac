import { eventually } from './eventually.ts';
import type { KubernetesWorld } from './kubernetes-world.ts';

export interface Answered {
  readonly status: number;
  /** Name of the backend. */
  readonly backend: string | null;
  /** What the model said, or the body of an error. */
  readonly text: string;
}

export interface Question {
  readonly model: string;
  /** Keeps its backend; absent: one for all. */
  readonly conversation?: string;
  /** Before `/v1`. */
  readonly path?: string;
  /** Of an isolate. */
  readonly url?: string;
}

/** A client of the edge of a cluster with inference services, and its owner who looks at their status. */
export interface InferenceClient {
  ask(question: Question): Promise<Answered>;
  /** Model names that clients may ask for. */
  models(path?: string): Promise<readonly string[]>;
  /** Resolves when the model answers, or when none does. */
  expectAnswer(model: string, isAnswered?: boolean): Promise<void>;
  /** By kubectl: `.status.deploymentStatus` of `aimodel/llama`, JSON where it is no text. */
  field(resource: string, path: string, namespace?: string): Promise<string>;
  /** Resolves when the field is that. */
  expectField(resource: string, path: string, value: string | RegExp, patienceMs?: number): Promise<void>;
}

export function inferenceClient(world: KubernetesWorld): InferenceClient {
  const { clientKey } = world.edgeUnderTest.cluster;
  const authorization = `Bearer ${clientKey}`;
  const ask: InferenceClient['ask'] = async ({ model, conversation = 'one', path = '', url = world.edge.url }) => {
    const response = await fetch(`${url}${path}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify({
        model,
        prompt_cache_key: conversation,
        messages: [{ role: 'user', content: 'Are you there?' }],
      }),
    });
    const body = await response.text();
    const text = response.ok ? /"content":"([^"]*)"/.exec(body)?.[1] : body;
    return { status: response.status, backend: response.headers.get('x-fairlead-backend'), text: text ?? body };
  };
  const field: InferenceClient['field'] = (resource, path, namespace = 'default') =>
    world.api.kubectl(['get', resource, '-n', namespace, '-o', `jsonpath={${path}}`]);
  return {
    ask,
    field,
    async models(path = '') {
      const response = await fetch(`${world.edge.url}${path}/v1/models`, { headers: { authorization } });
      const body = await response.text();
      return [...body.matchAll(/"id":"([^"]*)"/g)].map(([, id = '']) => id);
    },
    expectAnswer: (model, isAnswered = true) =>
      eventually(`${model} ${isAnswered ? 'answers' : 'is not routed to'}`, async () => {
        const { status } = await ask({ model });
        return isAnswered ? status === 200 : status >= 400;
      }),
    async expectField(resource, path, value, patienceMs) {
      let last = '';
      const isThat = (text: string) => (typeof value === 'string' ? text === value : value.test(text));
      const isSo = async () => isThat((last = await field(resource, path)));
      await eventually(`${resource} has ${path} ${value}`, isSo, patienceMs).catch((error: unknown) => {
        throw new Error(`${String(error)}: it was ${last}`, { cause: error });
      });
    },
  };
}

/** Path of what a condition says. */
export function said(type: string, part: 'status' | 'reason' | 'message' = 'reason'): string {
  return `.status.conditions[?(@.type=="${type}")].${part}`;
}
