import { PortTaken } from '../../dev/edge.ts';
import { readDirectory } from '../../sync-agent/source/read-directory.ts';
import { PublishFailure } from '../../sync-agent/publish/publish-failure.ts';
import type { AgentEvent } from '../../sync-agent/status/status-sink.ts';
import { OPENAI_DEFAULTS, type DevOptions } from '../commands/dev.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { requireFolder } from '../places/require-folder.ts';
import { commandsFor } from './commands-to-paste.ts';
import { startLocalGateway, type LocalGateway } from './local-gateway.ts';
import type { OpenAIAccess } from './local-resources.ts';
import { jsonNarrator, type Narrator } from './narrator.ts';
import { chooseGateway } from './overlay.ts';
import { terminalNarrator } from './terminal-narrator.ts';

/** What `fairlead dev` does, until it is interrupted. */
export async function runDev(options: DevOptions): Promise<void> {
  const startedAt = performance.now();
  await requireFolder(options.dir);
  const narrator = createNarrator(options);
  const { resources } = await readDirectory(options.dir);
  const gateway = chooseGateway(resources, options.edge);
  if (options.edge !== undefined && gateway === undefined)
    throw new CliError(`${options.dir} has no EdgeGateway ${options.edge}`, EXIT.usage);

  const openAI = openAIAccess(process.env);
  const stopRequested = untilInterrupted();
  const readiness = createReadiness(narrator, startedAt);
  const running = await startLocalGateway({
    folder: options.dir,
    port: options.port,
    isolates: options.isolates,
    gateway: options.edge,
    openAI,
    workerSecrets: pick(process.env, gateway?.spec.allowed?.flatMap((grant) => grant.workerSecrets) ?? []),
    narrator,
    onListening: ({ edge, isolates, simulator }) => {
      readiness.urls = isolates;
      const commands = commandsFor(resources, edge);
      narrator.started({ folder: options.dir, edge, isolates, simulator, openAIModel: openAI?.model, commands });
      if (commands.length === 0)
        narrator.note('no route of the folder leads to a model yet: see examples/quickstart for what to write');
    },
    onAgentEvent: (event) => {
      narrator.agent(event);
      readiness.observe(event);
    },
  }).catch((error: unknown) => {
    throw explainedFailure(error);
  });
  await stopAfter(running, stopRequested, narrator);
}

async function stopAfter(running: LocalGateway, stopRequested: Promise<void>, narrator: Narrator): Promise<void> {
  try {
    await Promise.race([stopRequested, running.ended]);
  } catch (error) {
    throw explainedFailure(error);
  } finally {
    narrator.stopping();
    await running.stop();
  }
}

function createNarrator({ json, verbose }: DevOptions): Narrator {
  const write = (text: string): void => {
    process.stdout.write(`${text}\n`);
  };
  return json === true ? jsonNarrator(write) : terminalNarrator({ write, now: Date.now, verbose: verbose === true });
}

/** Says `ready` once, when the first table is served. */
function createReadiness(narrator: Narrator, startedAt: number) {
  let counts: Readonly<Record<string, number>> = {};
  let said = false;
  return {
    urls: [] as readonly string[],
    observe(event: AgentEvent): void {
      if (event.type === 'compiled') counts = event.counts;
      if (said || event.type !== 'served') return;
      said = true;
      narrator.ready({
        url: this.urls[0] ?? '',
        urls: this.urls,
        revision: event.revision,
        afterMs: performance.now() - startedAt,
        counts,
      });
    },
  };
}

/** A signal may come twice, from the terminal and from the launcher: the gateway stops in its own time. */
function untilInterrupted(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
      process.on(signal, () => {
        resolve();
      });
  });
}

function openAIAccess(env: NodeJS.ProcessEnv): OpenAIAccess | undefined {
  const apiKey = env['OPENAI_API_KEY'];
  if (apiKey === undefined || apiKey === '') return undefined;
  return {
    apiKey,
    baseURL: env['OPENAI_BASE_URL'] ?? OPENAI_DEFAULTS.baseURL,
    model: env['OPENAI_MODEL'] ?? OPENAI_DEFAULTS.model,
  };
}

function pick(env: NodeJS.ProcessEnv, grants: readonly { readonly name: string }[]): Record<string, string> {
  return Object.fromEntries(
    grants.flatMap(({ name }) => {
      const value = env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function explainedFailure(error: unknown): unknown {
  if (error instanceof PublishFailure) return new CliError(error.message, EXIT.environment);
  if (!(error instanceof PortTaken)) return error;
  return new CliError(
    `${error.message}. Stop that one, or choose another with --port or PORT, such as: PORT=${error.port + 100} npm start`,
    EXIT.environment,
  );
}
