import { createHash } from 'node:crypto';
import { accessSync, constants, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** What a real API server in tests consists of, what talks to it, and what renders the chart. */
export const PROGRAMS = ['etcd', 'kube-apiserver', 'kubectl', 'helm'] as const;
export type Program = (typeof PROGRAMS)[number];

/** The variables by which controller-runtime's envtest is told of a single program. */
const VARIABLES: Readonly<Record<Program, string>> = {
  etcd: 'TEST_ASSET_ETCD',
  'kube-apiserver': 'TEST_ASSET_KUBE_APISERVER',
  kubectl: 'TEST_ASSET_KUBECTL',
  helm: 'TEST_ASSET_HELM',
};

/** Where controller-runtime's envtest looks in the end. */
const ENVTEST_FOLDER = '/usr/local/kubebuilder/bin';

/**
 * Where `npm run envtest:install` puts what it builds. The folder is the user's and not the checkout's, for building
 * takes minutes, and is named by what is built: other versions stand in another folder.
 */
export function installFolder(): string {
  const sums = readFileSync(new URL('go.sum', import.meta.url));
  const versions = createHash('sha256').update(sums).digest('hex').slice(0, 12);
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'fairlead', `envtest-${versions}`);
}

/** The path of a program, in the order of controller-runtime's envtest; undefined where it is nowhere. */
export function findProgram(program: Program): string | undefined {
  const named = process.env[VARIABLES[program]];
  if (named !== undefined && named !== '') return named;
  const folders = [process.env['KUBEBUILDER_ASSETS'], installFolder(), ENVTEST_FOLDER];
  return folders
    .flatMap((folder) => (folder === undefined || folder === '' ? [] : [join(folder, program)]))
    .find(isExecutable);
}

/** @throws where it is nowhere, with what to do */
export function requireProgram(program: Program): string {
  const path = findProgram(program);
  if (path === undefined) throw new Error(`${program} is not there: run npm run envtest:install`);
  return path;
}

/**
 * Whether tests that need a real API server must be skipped, as in `describe.skipIf(isApiServerMissing())`; a line says
 * so. @throws where FAIRLEAD_REQUIRE_SERVERS=1, as in continuous integration: there its absence is an error
 */
export function isApiServerMissing(): boolean {
  const missing = PROGRAMS.filter((program) => findProgram(program) === undefined);
  if (missing.length === 0) return false;
  const message = `${missing.join(', ')}: not there (npm run envtest:install): tests with a real API server do not run`;
  if (process.env['FAIRLEAD_REQUIRE_SERVERS'] === '1') throw new Error(message);
  process.stderr.write(`${message}\n`);
  return true;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
