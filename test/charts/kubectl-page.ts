import { kinds } from '../../crds/kinds.ts';
import type { ApiServer } from '../support/api-server.ts';
import { eventually } from '../support/eventually.ts';
import { startPageWorld, type PageWorld } from './kubectl-page-world.ts';

const HEAD = `<!-- Made by \`npm run generate:cluster\`. Do not edit. -->

# What kubectl shows

All of this was written by the agent, under the rights that the chart gives it, into a real API server that holds
[examples/cluster](../examples/cluster) and its part for GPUs. Three things are not as they should be: the
InferenceService \`qwen\` waits for a GPU, nobody let the agent read the Secret \`tunnel\`, and the route \`embeddings\`
names a model that does not exist. Times, ages, keys and revisions are made up.

[Operating an edge](operations.md#read-the-status) says what to do about what is to be seen here, and each kind has a
[page of its own](resources/README.md) with all its fields.

## Everything at once

`;

interface Shown {
  /** What there is to see, and the command that shows it. */
  readonly said: string;
  readonly command: string;
}

/** Eight are programmed, three are broken. */
const EVENTS = 11;

type Kind = keyof typeof kinds;

/** What is worth looking at of each kind: a good one or a broken one, and a field that people ask about. */
const PARTS: Readonly<Record<Kind, readonly Shown[]>> = {
  EdgeGateway: [
    {
      said: 'One that is well: what was published last is served by both isolates that were heard of, 0.2 s after it went out.',
      command: 'kubectl describe edgegateway edge -n llm',
    },
    { said: 'Who else may use it:', command: 'kubectl explain edgegateway.spec.allowed' },
  ],
  GatewayRoute: [
    {
      said: 'The route `embeddings` names two models of which one does not exist: the other is served by it, and the condition and an Event name the slip.',
      command: 'kubectl describe gatewayroute embeddings -n llm',
    },
    { said: 'Whose callers it is for:', command: 'kubectl explain gatewayroute.spec.allowedConsumers' },
  ],
  AIModel: [
    {
      said: 'The InferenceService waits for a GPU, so that the model is served by its other backend alone. As soon as the service is ready, the edge looks whether it reaches it, and then serves that. `Services` tells what the cluster says of each.',
      command: 'kubectl describe aimodel qwen -n llm',
    },
    { said: 'What can serve a model:', command: 'kubectl explain aimodel.spec.backends' },
  ],
  LLMProvider: [
    {
      said: 'The agent may not read the Secret with the token of the tunnel. The message holds the command by which the owner of the namespace changes that. Nothing that is published needs it yet, so that it is not at the edge either.',
      command: 'kubectl describe llmprovider qwen-tunnel -n llm',
    },
    { said: 'Where a key comes from:', command: 'kubectl explain llmprovider.spec.auth.apiKey' },
  ],
  Consumer: [
    { said: 'One that is well:', command: 'kubectl describe consumer demo -n llm' },
    { said: 'What a caller shows:', command: 'kubectl explain consumer.spec.keys' },
  ],
};

/** docs/kubectl.md, from a world of its own. */
export async function kubectlPage(): Promise<string> {
  const world = await startPageWorld();
  try {
    return `${HEAD}${await overview(world)}${await ofEachKind(world.server)}${await lostEdge(world)}`.trimEnd() + '\n';
  } finally {
    await world.dispose();
  }
}

async function overview({ server, says }: PageWorld): Promise<string> {
  await says('edgegateway/edge', 'Programmed', 'Programmed');
  await says('consumer/demo', 'Programmed', 'Programmed');
  for (const name of ['chat', 'embeddings', 'qwen']) await says(`gatewayroute/${name}`, 'Programmed', 'Programmed');
  for (const name of ['assistant', 'qwen']) await says(`aimodel/${name}`, 'Programmed', 'Programmed');
  await says('llmprovider/openai', 'Programmed', 'Programmed');
  await says('llmprovider/qwen-tunnel', 'Programmed', 'NotShipped');
  // What is programmed has an Event each, and what is broken another.
  await eventually('the Events are written', async () => {
    const events = await server.kubectl(['get', 'events', '-n', 'llm', '-o', 'name']);
    return events.trim().split('\n').length === EVENTS;
  });
  return shown(server, 'kubectl get fairlead -n llm');
}

async function ofEachKind(server: ApiServer): Promise<string> {
  const parts: string[] = [];
  for (const { kind, plural, summary } of Object.values(kinds)) {
    parts.push(`## ${kind}\n\n${summary}\n\n`, await shown(server, `kubectl get ${plural} -n llm -o wide`));
    for (const { said, command } of PARTS[kind]) parts.push(`${said}\n\n`, await shown(server, command));
  }
  return parts.join('');
}

/** The last chapter. */
async function lostEdge({ server, loseEdge, says }: PageWorld): Promise<string> {
  loseEdge();
  const patch = JSON.stringify({ spec: { aliases: ['default'] } });
  await server.kubectl(['patch', 'aimodel', 'assistant', '-n', 'llm', '--type=merge', '-p', patch]);
  await says('edgegateway/edge', 'Programmed', 'PublishFailed');
  for (const name of ['chat', 'embeddings']) await says(`gatewayroute/${name}`, 'Programmed', 'PublishFailed');
  await says('aimodel/assistant', 'Programmed', 'PublishFailed');
  return [
    '## When the edge cannot be reached\n\n',
    'Somebody has edited the model `assistant` since. What the edit changes has `PublishFailed`; everything else is still served as it stands, and so is what the edit replaces.\n\n',
    await shown(server, 'kubectl get fairlead -n llm'),
    await shown(server, 'kubectl get edgegateway edge -n llm -o jsonpath={.status.lastError.message}'),
  ].join('');
}

/** A command with what it wrote, as a block of the page. */
async function shown(server: ApiServer, command: string): Promise<string> {
  const out = await server.kubectl(command.split(' ').slice(1));
  return `\`\`\`console\n$ ${command}\n${withoutChance(out).trimEnd()}\n\`\`\`\n\n`;
}

/** Ages, keys and the like, which are others each time. */
function withoutChance(out: string): string {
  return out
    .replaceAll(/ +$/gm, '')
    .replaceAll(/(?<= )\d+s$/gm, '12m')
    .replaceAll(/(?<=^  (?:Warning|Normal ) +\S+ +)\d+s +/gm, (age) => '12m'.padEnd(age.length))
    .replaceAll(/(?<=UID: +)\S+/g, '6d3f1c52-0a7e-4b8e-9f0d-2c1b5a4e7d90')
    .replaceAll(/(?<=Resource Version: +)\d+/g, '48213')
    .replaceAll(/(?<=(?:Creation Timestamp|Time): +)\d{4}-\S+/g, '2026-11-02T09:00:02Z')
    .replaceAll(/(?<=Propagation Seconds: +)\S+/g, '0.2')
    .replaceAll(/(?<![-\w])[0-9a-f]{12}\b/g, '90cc2e994e52')
    .replaceAll(/sealing-[\w-]{12}/g, 'sealing-Vt1bQh8kq3cN')
    .replaceAll(/(?<=Public Key: +)\S+/g, 'MLgzX60bHVbDxMXJ3QanXlRzuhpvpHegQw3BHZr-jUE')
    .replaceAll(/^Annotations: +kubectl.*\n|^ +\{"apiVersion".*\n/gm, '');
}
