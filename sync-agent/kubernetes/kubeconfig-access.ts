import { access } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { AccessFailure, type ClusterAccess, type Credentials, type TlsMaterial } from './cluster-access.ts';

export interface KubeconfigChoice {
  /** Path of a file; absent: `KUBECONFIG`, several files, else `~/.kube/config`. */
  readonly kubeconfig?: string | undefined;
  /** Absent: the current one. */
  readonly context?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The access that a kubeconfig gives, with all its ways to sign in. @throws {AccessFailure} */
export async function openKubeconfig(choice: KubeconfigChoice): Promise<ClusterAccess> {
  const files = await filesOf(choice);
  let config = await load(files, choice.context);
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw noCluster(config, files);
  return {
    server: cluster.server.replace(/\/+$/, ''),
    namespace: config.getContextObject(config.currentContext)?.namespace ?? 'default',
    proxy: cluster.proxyUrl === undefined || cluster.proxyUrl === '' ? undefined : cluster.proxyUrl,
    whenRefused: `sign in again, or mend the user of context ${config.currentContext} in ${files.join(', ')}`,
    read: async (isRefused) => {
      // What plugins remember is dropped with the configuration, and what was written into the file meanwhile counts.
      if (isRefused) config = await load(files, choice.context);
      return credentialsOf(config);
    },
  };
}

async function filesOf({ kubeconfig, env }: KubeconfigChoice): Promise<readonly string[]> {
  if (kubeconfig !== undefined) return [kubeconfig];
  const named = (env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  const files = named.length > 0 ? named : [join(env['HOME'] ?? homedir(), '.kube', 'config')];
  // As kubectl does: of several files those that are missing are no mistake.
  const found = await Promise.all(files.map((file) => isThere(file)));
  const there = files.filter((_, index) => found[index]);
  if (there.length > 0) return there;
  throw new AccessFailure(
    `there is no kubeconfig (${files.join(', ')}): name one by --kubeconfig or KUBECONFIG, or a folder in place of a cluster`,
  );
}

async function load(files: readonly string[], context: string | undefined): Promise<KubeConfig> {
  // It takes 87 MB, which an agent in a pod has no need of.
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  try {
    for (const file of files) {
      const more = new KubeConfig();
      more.loadFromFile(file);
      merge(config, more);
    }
  } catch (error) {
    // Of a file that is no YAML, lines of it follow on the first, which may hold a token.
    const [reason = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw new AccessFailure(`the kubeconfig ${files.join(', ')} cannot be read (${reason})`, { cause: error });
  }
  if (context !== undefined) {
    if (config.getContextObject(context) === null)
      throw new AccessFailure(`${files.join(', ')} has no context ${context}: ${choiceOf(config)}`);
    config.setCurrentContext(context);
  }
  return config;
}

/** As kubectl does: what an earlier file says goes before what a later one says. */
function merge(into: KubeConfig, from: KubeConfig): void {
  const missing = <T extends { readonly name: string }>(has: readonly T[] | undefined, more: readonly T[]): T[] => [
    ...(has ?? []),
    ...more.filter(({ name }) => !has?.some((one) => one.name === name)),
  ];
  into.clusters = missing(into.clusters, from.clusters);
  into.users = missing(into.users, from.users);
  into.contexts = missing(into.contexts, from.contexts);
  into.currentContext ||= from.currentContext;
}

function noCluster(config: KubeConfig, files: readonly string[]): AccessFailure {
  const where = files.join(', ');
  return new AccessFailure(
    config.currentContext
      ? `the context ${config.currentContext} of ${where} names no cluster that stands there: ${choiceOf(config)}`
      : `${where} has no current context: name one by --context; ${choiceOf(config)}`,
  );
}

function choiceOf(config: KubeConfig): string {
  const names = config.contexts.map(({ name }) => name);
  return names.length === 0 ? 'it has no contexts at all' : `its contexts are ${names.join(', ')}`;
}

async function credentialsOf(config: KubeConfig): Promise<Credentials> {
  const options: RequestOptions = {};
  try {
    // Of what it sets, the agent is its own for Node's client and stays unused.
    await config.applyToHTTPSOptions(options);
  } catch (error) {
    const reason = error instanceof Error ? error.message.trim() : String(error);
    throw new AccessFailure(
      `signing in as the user of context ${config.currentContext} failed (${reason}): try kubectl get --raw /version`,
      { cause: error },
    );
  }
  const { auth, headers } = options;
  const bearer = headers && 'Authorization' in headers ? headers['Authorization'] : undefined;
  const basic = typeof auth === 'string' ? `Basic ${Buffer.from(auth).toString('base64')}` : undefined;
  return { authorization: typeof bearer === 'string' ? bearer.trim() : basic, tls: tlsOf(options) };
}

function tlsOf({ ca, cert, key, pfx, passphrase, rejectUnauthorized, servername }: RequestOptions): TlsMaterial {
  const all = { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
