import type { Resource } from '../../crds/parse-resource.ts';
import { createHash } from 'node:crypto';
import { referredId, resourceId, type ResourceOf } from '../../sync-agent/snapshot.ts';

/** What a newcomer pastes next. Each command works as it stands in a shell on this machine. */
export interface CommandsInput {
  /** What SDKs call the base URL. */
  readonly baseURL: string;
  readonly model: string;
  readonly key: string;
}

export interface PasteableCommand {
  readonly title: string;
  readonly text: string;
}

export function commandsToPaste({ baseURL, model, key }: CommandsInput): PasteableCommand[] {
  const body = JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: 'Hello!' }] });
  return [
    {
      title: 'curl',
      text: `curl -N ${baseURL}/chat/completions \\
  -H 'authorization: Bearer ${key}' -H 'content-type: application/json' \\
  -d '${body}'`,
    },
    {
      title: 'OpenAI SDK, Python (pip install openai)',
      text: `python3 - <<'EOF'
from openai import OpenAI
client = OpenAI(base_url="${baseURL}", api_key="${key}")
stream = client.chat.completions.create(
    model="${model}", stream=True, messages=[{"role": "user", "content": "Hello!"}])
for chunk in stream:
    for choice in chunk.choices:
        print(choice.delta.content or "", end="", flush=True)
print()
EOF`,
    },
    {
      title: 'OpenAI SDK, TypeScript (npm install openai)',
      text: `node --input-type=module - <<'EOF'
import OpenAI from 'openai';
const client = new OpenAI({ baseURL: '${baseURL}', apiKey: '${key}' });
const stream = await client.chat.completions.create({
  model: '${model}', stream: true, messages: [{ role: 'user', content: 'Hello!' }] });
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? '');
console.log();
EOF`,
    },
  ];
}

/** The key of the examples; of any other only its owner knows more than the digest. */
const EXAMPLE_KEY = 'sk-fairlead-demo';
const UNKNOWN_KEY = 'YOUR-KEY';

/** Commands for the first route, by name, of which the model is in the folder too; none where there is no such route. */
export function commandsFor(resources: readonly Resource[], edge: string): PasteableCommand[] {
  const routes = resources
    .filter((resource): resource is ResourceOf<'GatewayRoute'> => resource.kind === 'GatewayRoute')
    .toSorted((a, b) => (resourceId(a.metadata) < resourceId(b.metadata) ? -1 : 1));
  for (const found of routes) {
    const [reference] = found.spec.models ?? [];
    if (reference === undefined) continue;
    const model = resources.find(
      (resource): resource is ResourceOf<'AIModel'> =>
        resource.kind === 'AIModel' && resourceId(resource.metadata) === referredId(reference, found),
    );
    if (model === undefined) continue;
    const path = found.spec.pathPrefix === '/' ? '' : found.spec.pathPrefix;
    return commandsToPaste({ baseURL: `${edge}${path}/v1`, model: model.spec.modelName, key: keyOf(resources) });
  }
  return [];
}

function keyOf(resources: readonly Resource[]): string {
  const digest = createHash('sha256').update(EXAMPLE_KEY).digest('hex');
  const isKnown = resources.some(
    (resource) => resource.kind === 'Consumer' && resource.spec.keys.some(({ sha256 }) => sha256 === digest),
  );
  return isKnown ? EXAMPLE_KEY : UNKNOWN_KEY;
}
