import { spawnSync } from 'node:child_process';
import { symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { requireProgram } from '../envtest/programs.ts';
import type { ApiServer } from './api-server.ts';
import { temporaryFolder } from './temporary-folder.ts';

const PROJECT = new URL('../../', import.meta.url).pathname;

/** Commands of a page of the documentation, in their order. @param leftOut those that cannot be run here */
export function commandsOf(page: string, leftOut: RegExp): readonly string[] {
  const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block);
  const commands = blocks.flatMap((block) =>
    block
      .replaceAll(/\\\n\s*/g, '')
      .trim()
      .split('\n'),
  );
  return commands.filter((command) => !leftOut.test(command));
}

export interface PageReader {
  /** Does what stands there. */
  run(command: string): { readonly status: number | null; readonly stdout: string; readonly stderr: string };
  dispose(): Promise<void>;
}

/** Somebody who types commands of a page into a shell, in a checkout of the project, as the administrator of a cluster. */
export async function pageReader(
  server: ApiServer,
  variables: Readonly<Record<string, string>> = {},
): Promise<PageReader> {
  const folder = await temporaryFolder();
  for (const name of ['deploy', 'examples']) await symlink(join(PROJECT, name), join(folder.path, name));
  const programs = ['kubectl', 'helm'] as const;
  const path = [...programs.map((name) => dirname(requireProgram(name))), process.env['PATH']].join(':');
  const env = { PATH: path, HOME: folder.path, KUBECONFIG: server.kubeconfig, ...variables };
  return {
    run(command) {
      const typed = command.replace('npx fairlead', `node ${PROJECT}cli/fairlead.js`);
      const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
      return spawnSync('bash', ['--norc', '-euc', typed], { cwd: folder.path, env, stdio, encoding: 'utf8' });
    },
    dispose: () => folder.dispose(),
  };
}
