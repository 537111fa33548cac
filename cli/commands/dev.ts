import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { EXIT_CODES_HELP } from '../exit-codes.ts';

export interface DevOptions {
  readonly dir: string;
  readonly port: number;
  readonly edge?: string;
  readonly isolates: number;
  readonly verbose?: boolean;
  readonly json?: boolean;
}

const QUICKSTART = relative(process.cwd(), fileURLToPath(new URL('../../examples/quickstart', import.meta.url)));

/** The real provider, where the environment says no more than its key. */
export const OPENAI_DEFAULTS = { baseURL: 'https://api.openai.com/v1', model: 'gpt-5-mini' } as const;

export function devCommand(): Command {
  return new Command('dev')
    .summary('a gateway on this machine, on a folder of resources, following every edit')
    .description(
      [
        'Runs the whole gateway on this machine: the worker in workerd, the sync agent on a folder of YAML resources, and a model simulator. Save a file, and the edge serves the change; break one, and you are told which, where and why, while everything else goes on.',
        "Nothing of the folder is changed. For this run the edge's address and keys stand in the EdgeGateway (a folder without one gets one that allows everything local), and providers at http://127.0.0.1:8788 are the simulator, wherever it listens.",
      ].join('\n\n'),
    )
    .option('--dir <folder>', 'folder of YAML resources', QUICKSTART)
    .addOption(
      new Option('--port <port>', 'port of the edge on 127.0.0.1; 0 takes a free one')
        .env('PORT')
        .default(8787)
        .argParser(parsePort),
    )
    .option('--edge <namespace/name>', 'the EdgeGateway to run, where the folder has several')
    .addOption(
      new Option('--isolates <number>', 'how many isolates serve, each on a port of its own, with one hub')
        .default(1)
        .argParser(parseIsolates),
    )
    .option('--verbose', 'show the log lines of the worker as it writes them')
    .option('--json', 'print one JSON object a line: everything that happens, the worker’s log included')
    .addHelpText(
      'after',
      `
Environment:
  OPENAI_API_KEY    joins the real provider as a second model
  OPENAI_MODEL      which one (default: ${OPENAI_DEFAULTS.model})
  OPENAI_BASE_URL   where it stands (default: ${OPENAI_DEFAULTS.baseURL})
  NO_COLOR          no colours; there are none either where the output is not a terminal
  Variables that EdgeGateway.spec.allowed[].workerSecrets names become secrets of the worker.

While it runs, \`fairlead status\`, \`diff\`, \`history\` and \`rollback\` on the folder ask this gateway.
Ctrl-C stops everything.

${EXIT_CODES_HELP}`,
    )
    .action(async (options: DevOptions) => {
      // Loaded here because it brings Miniflare, for which no other command should wait.
      const { runDev } = await import('../dev/run-dev.ts');
      await runDev(options);
    });
}

function parseIsolates(text: string): number {
  if (/^[1-8]$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a number from 1 to 8.');
}

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new InvalidArgumentError('It must be a number from 0 to 65535.');
}
