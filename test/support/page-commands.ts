import { spawn } from 'node:child_process';
import { readdir, readFile, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { requireProgram } from '../envtest/programs.ts';
import type { ApiServer, Outcome } from './api-server.ts';
import { temporaryFolder, type TemporaryFolder } from './temporary-folder.ts';

const PROJECT = new URL('../../', import.meta.url).pathname;

/** Commands of a page of the documentation, in their order. @param leftOut those that cannot be run here */
export function commandsOf(page: string, leftOut: RegExp): readonly string[] {
  const blocks = [...page.matchAll(/^ *```sh\n(.*?)^ *```$/gms)].map(([, block = '']) => block);
  const commands = blocks.flatMap((block) =>
    block
      .replaceAll(/\\\n\s*/g, '')
      .trim()
      .split('\n'),
  );
  return commands.map((command) => command.trim()).filter((command) => !leftOut.test(command));
}

export interface PageReader {
  /** Where it stands. */
  readonly folder: TemporaryFolder;
  /** Does what stands there. */
  run(command: string): Promise<Outcome>;
  dispose(): Promise<void>;
}

export interface PageReaderOptions {
  /** Of the shell. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Puts what is here in the place of what is elsewhere, in commands and in examples/cluster. */
  readonly edit?: (text: string) => string;
}

/** Somebody who types commands of a page into a shell, in a checkout of the project, as the administrator of a cluster. */
export async function pageReader(
  server: ApiServer,
  { variables = {}, edit = (text) => text }: PageReaderOptions = {},
): Promise<PageReader> {
  const folder = await temporaryFolder();
  await symlink(join(PROJECT, 'deploy'), join(folder.path, 'deploy'));
  for (const file of await readdir(join(PROJECT, 'examples/cluster'), { recursive: true }))
    if (file.endsWith('.yaml'))
      await folder.write(
        `examples/cluster/${file}`,
        edit(await readFile(join(PROJECT, 'examples/cluster', file), 'utf8')),
      );
  const programs = ['kubectl', 'helm'] as const;
  const path = [...programs.map((name) => dirname(requireProgram(name))), process.env['PATH']].join(':');
  const env = { PATH: path, HOME: folder.path, KUBECONFIG: server.kubeconfig, ...variables };
  return {
    folder,
    run: (command) => {
      const typed = edit(command)
        .replace('npx fairlead', `node ${PROJECT}cli/fairlead.js`)
        .replace('npm run', `npm --silent --prefix ${PROJECT} run`);
      return outcomeOf(typed, folder.path, env);
    },
    dispose: () => folder.dispose(),
  };
}

function outcomeOf(command: string, cwd: string, env: NodeJS.ProcessEnv): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn('bash', ['--norc', '-euc', command], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.once('error', reject).once('close', (code) => resolve({ code: code ?? 1, out, err }));
  });
}
