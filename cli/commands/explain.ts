import { createHash } from 'node:crypto';
import { Command, InvalidArgumentError, Option } from 'commander';
import { OPERATIONS, SECTION_KINDS, type ConsumerEntry, type SectionHashes } from '../../contract/routing-table.ts';
import type { Compilation } from '../../sync-agent/compile/compilation.ts';
import { compile } from '../../sync-agent/compile/compile.ts';
import { resourceId } from '../../sync-agent/snapshot.ts';
import { planRequest } from '../../worker/pipeline/plan-request.ts';
import { tableOf } from '../../worker/table/open-table.ts';
import type { ServedTable } from '../../worker/table/served-table.ts';
import { chooseGateway } from '../dev/overlay.ts';
import { CliError, EXIT, EXIT_CODES_HELP } from '../exit-codes.ts';
import { explanationAsJson, renderExplanation, type Explanation } from '../explanation.ts';
import { readFolder } from '../folder.ts';

interface ExplainOptions {
  readonly model: string;
  readonly operation: (typeof OPERATIONS)[number];
  readonly host?: string;
  readonly path?: string;
  readonly header: readonly Header[];
  readonly key?: string;
  readonly consumer?: string;
  readonly conversation: string;
  readonly edge?: string;
  readonly json?: boolean;
}

interface Header {
  readonly name: string;
  readonly value: string;
}

const OPERATION_PATHS = {
  chat: '/v1/chat/completions',
  completions: '/v1/completions',
  embeddings: '/v1/embeddings',
} as const;

export function explainCommand(): Command {
  return new Command('explain')
    .summary('which route, model and backends a request would meet, and why')
    .description(
      "Shows what a request would meet: the route, the model, the backends in the order in which they would be tried, how the request would be treated, and why other routes and backends are not met. It compiles the folder and then runs the worker's own code on the table.",
    )
    .argument('<dir>', 'folder of YAML resources')
    .requiredOption('--model <name>', 'the model that the request asks for')
    .addOption(new Option('--operation <what>', 'what it asks of the model').choices(OPERATIONS).default('chat'))
    .option('--host <host>', 'its Host header (default: that of the edge)')
    .option('--path <path>', 'its path (default: that of the operation, /v1/…)')
    .addOption(
      new Option('--header <name:value>', 'a header that it carries; may be given again')
        .argParser(collectHeader)
        .default([], 'none'),
    )
    .addOption(new Option('--key <key>', 'the virtual key that it shows').conflicts('consumer'))
    .option('--consumer <namespace/name>', 'whose key it shows, where you do not have the key')
    .option('--conversation <id>', 'what keeps it on one backend among several of one priority', 'explain')
    .option('--edge <namespace/name>', 'the EdgeGateway, where the folder has several')
    .option('--json', 'print one JSON document: {outcome, route, model, backends, treatment, passedOver}')
    .addHelpText(
      'after',
      `
Examples:
  fairlead explain examples/quickstart --model demo --key sk-fairlead-demo
  fairlead explain examples/tenants --model blue-demo --consumer red/red-app

${EXIT_CODES_HELP}`,
    )
    .action(async (dir: string, options: ExplainOptions) => {
      const explanation = await explain(dir, options);
      console.log(
        options.json === true
          ? JSON.stringify(explanationAsJson(explanation), null, 2)
          : renderExplanation(explanation),
      );
      process.exitCode = explanation.plan.type === 'Serve' ? EXIT.ok : EXIT.rejected;
    });
}

async function explain(dir: string, options: ExplainOptions): Promise<Explanation> {
  const { resources, gateways, problems } = await readFolder(dir);
  const gateway = chooseGateway(gateways, options.edge);
  if (gateway === undefined) throw new CliError(`${dir} has no EdgeGateway ${options.edge ?? ''}`, EXIT.usage);
  const compilation = compile(resources, resourceId(gateway.metadata));
  const table = openCompiled(compilation);
  const { consumer, credential } = await findConsumer(table, compilation, options);

  const host = options.host ?? new URL(gateway.spec.endpoint).host;
  const path = options.path ?? OPERATION_PATHS[options.operation];
  const headers = new Map(options.header.map(({ name, value }) => [name.toLowerCase(), value]));
  const plan = planRequest(table, {
    host: host.toLowerCase(),
    path,
    header: (name) => headers.get(name),
    model: options.model,
    operation: options.operation,
    consumer,
    conversation: () => options.conversation,
  });
  const { model, operation } = options;
  return { edge: resourceId(gateway.metadata), request: { model, operation, host, path, credential }, plan, problems };
}

/** The table as an isolate would serve it; sealed secrets are left out, since planning needs none. */
function openCompiled({ sections }: Compilation): ServedTable {
  const hashes: SectionHashes = { routes: [], models: [], providers: [], consumers: [], secrets: [], keys: [] };
  const blobs = new Map<string, Uint8Array>();
  for (const kind of SECTION_KINDS) {
    if (kind === 'secrets') continue;
    hashes[kind] = sections[kind].map(({ sha256 }) => sha256);
    for (const { sha256, bytes } of sections[kind]) blobs.set(sha256, bytes);
  }
  return tableOf({ revision: 'not-published', generation: { term: 0, sequence: 0 }, sections: hashes }, blobs);
}

interface FoundConsumer {
  readonly consumer: ConsumerEntry | undefined;
  /** What the request shows, in words. */
  readonly credential: string;
}

async function findConsumer(
  table: ServedTable,
  compilation: Compilation,
  { key, consumer: id }: ExplainOptions,
): Promise<FoundConsumer> {
  if (id !== undefined) {
    const consumer = consumerNamed(compilation, id);
    if (consumer === undefined)
      throw new CliError(`no key of a consumer ${id} ships to this edge: see \`fairlead compile\``, EXIT.rejected);
    return { consumer, credential: `the key ${consumer.key} of ${id}` };
  }
  if (key === undefined) return { consumer: undefined, credential: 'no key' };
  const digest = createHash('sha256').update(key).digest();
  const consumer = table.hasKey(digest) ? await table.consumer(digest.toString('hex')) : undefined;
  if (consumer === undefined) return { consumer, credential: 'a key that this edge does not know' };
  if (consumer.expiresAt !== undefined && Date.parse(consumer.expiresAt) <= Date.now())
    return {
      consumer: undefined,
      credential: `the key ${consumer.key} of ${consumer.id}, expired ${consumer.expiresAt}`,
    };
  return { consumer, credential: `the key ${consumer.key} of ${consumer.id}` };
}

function consumerNamed({ sections }: Compilation, id: string): ConsumerEntry | undefined {
  for (const { bytes } of sections.consumers) {
    const entries: Record<string, ConsumerEntry> = JSON.parse(new TextDecoder().decode(bytes));
    const found = Object.values(entries).find((entry) => entry.id === id);
    if (found !== undefined) return found;
  }
  return undefined;
}

function collectHeader(text: string, collected: readonly Header[]): Header[] {
  const colon = text.indexOf(':');
  if (colon < 1) throw new InvalidArgumentError('It must be name:value.');
  return [...collected, { name: text.slice(0, colon).trim(), value: text.slice(colon + 1).trim() }];
}
