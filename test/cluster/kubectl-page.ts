import { kinds } from '../../crds/kinds.ts';
import type { ApiServer } from '../support/api-server.ts';
import { EDGE, eventsOf, EXAMPLE_FILES, statuses } from './kubectl-page-resources.ts';

const HEAD = `<!-- Made by \`npm run generate:cluster\`. Do not edit. -->

# What kubectl shows

Written by a real API server that holds [examples/cluster](../examples/cluster) and its part for GPUs, in a moment when
these are coming up; the status and the Events are those that the agent writes then. Times, UIDs and resource versions
are made up.

\`kubectl get fairlead\` is about every kind at once, and answers at a glance: \`REASON\` is empty where all is well, else
the reason of the first condition that is not True. \`-o wide\` gives more columns, and each kind has a
[page of its own](resources/README.md). [Operating an edge](operations.md#read-the-status) says what to do about what is
to be seen here.

`;

/** The object of each kind that is worth describing, and what there is to see. */
const DESCRIBED: Readonly<Record<keyof typeof kinds, { readonly name: string; readonly what: string }>> = {
  EdgeGateway: {
    name: 'edge',
    what: 'The edge serves what was published last, on all twelve isolates that were heard of.',
  },
  GatewayRoute: { name: 'chat', what: 'Both routes are served as they stand.' },
  AIModel: {
    name: 'qwen',
    what: 'The InferenceService waits for a GPU, so that the model is served by its other backend alone. As soon as the service is ready, the edge looks whether it reaches it, and then serves that.',
  },
  LLMProvider: {
    name: 'qwen-tunnel',
    what: 'The agent may not read the Secret with the token. The message holds the command by which the owner of the namespace changes that.',
  },
  Consumer: { name: 'demo', what: 'The key works.' },
};

/** docs/kubectl.md. @param server that has the definitions, and no namespace `llm` */
export async function kubectlPage(server: ApiServer): Promise<string> {
  await applyExample(server);
  const overview = await shown(server, 'kubectl get fairlead -n llm');
  const parts: string[] = [];
  for (const { kind, singular, plural, summary } of Object.values(kinds)) {
    const { name, what } = DESCRIBED[kind];
    parts.push(
      `## ${kind}\n\n${summary}\n\n`,
      await shown(server, `kubectl get ${plural} -n llm -o wide`),
      `${what}\n\n`,
      await shown(server, `kubectl describe ${singular} ${name} -n llm`),
      await shown(server, `kubectl explain ${singular}.spec`),
    );
  }
  return `${HEAD}${overview}${parts.join('')}`.trimEnd() + '\n';
}

async function applyExample(server: ApiServer): Promise<void> {
  const apply = ['apply', '--server-side', '--field-manager=fairlead-sync-agent'];
  await server.kubectl(['create', 'namespace', 'llm']);
  await server.kubectl([...apply, '-f', '-'], JSON.stringify(EDGE));
  for (const file of EXAMPLE_FILES) await server.kubectl([...apply, '-f', file]);
  const now = new Date().toISOString().replace('Z', '000Z');
  for (const { key, object } of statuses()) {
    await server.kubectl([...apply, '--subresource=status', '-f', '-'], JSON.stringify(object));
    const [kind = '', namespace = '', name = ''] = key.split('/');
    const get = ['get', kind, name, '-n', namespace, '-o', 'jsonpath={.metadata.uid}'];
    for (const event of eventsOf(key, await server.kubectl(get), now))
      await server.kubectl(['create', '-f', '-'], JSON.stringify(event));
  }
}

/** A command with what it wrote, as a block of the page. */
async function shown(server: ApiServer, command: string): Promise<string> {
  const out = await server.kubectl(command.split(' ').slice(1));
  return `\`\`\`console\n$ ${command}\n${withoutChance(out).trimEnd()}\n\`\`\`\n\n`;
}

/** Ages, UIDs and the like, which are others each time. */
function withoutChance(out: string): string {
  return out
    .replaceAll(/ +$/gm, '')
    .replaceAll(/(?<= )\d+s$/gm, '12m')
    .replaceAll(/(?<=^  (?:Warning|Normal) +\S+ +)\d+s +/gm, (age) => '12m'.padEnd(age.length))
    .replaceAll(/(?<=UID: +)\S+/g, '6d3f1c52-0a7e-4b8e-9f0d-2c1b5a4e7d90')
    .replaceAll(/(?<=Resource Version: +)\d+/g, '48213')
    .replaceAll(/(?<=Creation Timestamp: +)\S+/g, '2026-11-02T09:00:00Z');
}
