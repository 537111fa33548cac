import { spawn, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePort } from '../../dev/find-free-port.ts';
import { requireProgram, type Program } from '../envtest/programs.ts';
import { readRefusals, writeAuditPolicy } from './audit-log.ts';

/** A real kube-apiserver on a real etcd, without controllers: nothing is garbage-collected, and no pod ever runs. */
export interface ApiServer {
  /** Origin, https. */
  readonly url: string;
  /** Path of a kubeconfig of an administrator. */
  readonly kubeconfig: string;
  /** PEM; it is the server's own certificate. */
  readonly certificateAuthority: string;
  /** PEM, of that certificate: for who stands in front of the server in its name. */
  readonly certificateKey: string;
  /** Bearer token of an administrator. */
  readonly token: string;
  /** A token of a service account, which is made where it is not there yet; it may do nothing but what is granted to it. */
  serviceAccountToken(namespace: string, name: string): Promise<string>;
  /** Path of another kubeconfig. @param as what is not the same in it as in the administrator's */
  kubeconfigFor(as: { readonly url?: string; readonly token?: string }): Promise<string>;
  /** Runs kubectl as the administrator, and returns what it wrote. @throws where it fails, with its words */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  /** The same where it may fail: the outcome says so. */
  tryKubectl(args: readonly string[], input?: string): Promise<Outcome>;
  /** What it has refused to that user, with option `audit`: `get /api/v1/secrets`, one for each request. */
  refusedTo(user: string): Promise<readonly string[]>;
  /** Kills kube-apiserver alone. */
  halt(): Promise<void>;
  /** Starts it again at the same address, with what etcd holds. */
  resume(): Promise<void>;
  /** Copies what etcd holds, for which both are stopped. @returns the copy, for `restore` */
  backUp(): Promise<string>;
  /** Puts a copy in the place of what etcd holds; nothing, where none is given: a new cluster at the same address. */
  restore(copy?: string): Promise<void>;
  stop(): Promise<void>;
}

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A port may be taken between its choice and its use. */
const TRIES = 3;

export interface ApiServerOptions {
  /** It writes down what it refuses to service accounts, for `refusedTo`. */
  readonly audit?: boolean;
}

export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-api-server-'));
  for (let left = TRIES - 1; ; left--) {
    try {
      return await start(folder, options);
    } catch (error) {
      if (left > 0) continue;
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }
}

async function start(folder: string, { audit = false }: ApiServerOptions): Promise<ApiServer> {
  const token = randomBytes(24).toString('hex');
  const [etcdPort, peerPort, port] = await Promise.all([findFreePort(), findFreePort(), findFreePort()]);
  await writeCredentials(folder, token);
  const auditFlags = audit ? await writeAuditPolicy(folder) : [];
  const url = `https://127.0.0.1:${port}`;
  let etcd: Running | undefined;
  let apiServer: Running | undefined;
  const halt = async (): Promise<void> => {
    await apiServer?.stop();
    apiServer = undefined;
  };
  const stopAll = async (): Promise<void> => {
    await halt();
    await etcd?.stop();
    etcd = undefined;
  };
  const startAll = async (): Promise<string> => {
    etcd ??= run('etcd', folder, etcdFlags(folder, etcdPort, peerPort));
    apiServer ??= run('kube-apiserver', folder, [...apiServerFlags(folder, etcdPort, port), ...auditFlags]);
    return certificateOf(folder, url, token, apiServer, etcd);
  };
  try {
    const certificateAuthority = await startAll();
    const certificateKey = await readFile(join(folder, 'certificates', 'apiserver.key'), 'utf8');
    const kubeconfigFor: ApiServer['kubeconfigFor'] = async (as) => {
      const file = join(await mkdtemp(join(folder, 'kubeconfig-')), 'config');
      await writeFile(file, kubeconfigOf(as.url ?? url, certificateAuthority, as.token ?? token), { mode: 0o600 });
      return file;
    };
    const kubeconfig = await kubeconfigFor({});
    return {
      url,
      kubeconfig,
      certificateAuthority,
      certificateKey,
      token,
      kubeconfigFor,
      ...kubectlFor(kubeconfig, join(folder, 'cache')),
      ...copiesOf(folder, stopAll, startAll),
      refusedTo: (user) => readRefusals(folder, user),
      halt,
      resume: async () => {
        await startAll();
      },
      stop: async () => {
        await stopAll();
        await rm(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

function copiesOf(
  folder: string,
  stopAll: () => Promise<void>,
  startAll: () => Promise<unknown>,
): Pick<ApiServer, 'backUp' | 'restore'> {
  const data = etcdFolder(folder);
  return {
    backUp: async () => {
      await stopAll();
      const copy = await mkdtemp(join(folder, 'copy-'));
      await cp(data, copy, { recursive: true });
      await startAll();
      return copy;
    },
    restore: async (copy) => {
      await stopAll();
      await rm(data, { recursive: true, force: true });
      if (copy !== undefined) await cp(copy, data, { recursive: true });
      await startAll();
    },
  };
}

function etcdFolder(folder: string): string {
  return join(folder, 'etcd');
}

function etcdFlags(folder: string, port: number, peerPort: number): string[] {
  const url = `http://127.0.0.1:${port}`;
  const peerURL = `http://127.0.0.1:${peerPort}`;
  return [
    `--data-dir=${etcdFolder(folder)}`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=${peerURL}`,
    `--initial-advertise-peer-urls=${peerURL}`,
    `--initial-cluster=default=${peerURL}`,
    '--unsafe-no-fsync=true',
  ];
}

function apiServerFlags(folder: string, etcdPort: number, port: number): string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    `--secure-port=${port}`,
    '--bind-address=127.0.0.1',
    `--cert-dir=${join(folder, 'certificates')}`,
    `--token-auth-file=${join(folder, 'tokens.csv')}`,
    '--service-cluster-ip-range=10.0.0.0/24',
    '--authorization-mode=RBAC',
    '--allow-privileged=true',
    '--disable-admission-plugins=ServiceAccount',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${join(folder, 'service-accounts.pem')}`,
    `--service-account-signing-key-file=${join(folder, 'service-accounts.pem')}`,
  ];
}

function kubectlFor(
  kubeconfig: string,
  cache: string,
): Pick<ApiServer, 'kubectl' | 'tryKubectl' | 'serviceAccountToken'> {
  // A cache of its own, for another server may have had this port, and known other kinds.
  const access = ['--kubeconfig', kubeconfig, '--cache-dir', cache];
  const tryKubectl: ApiServer['tryKubectl'] = (args, input) => outcomeOf('kubectl', [...access, ...args], input);
  const kubectl: ApiServer['kubectl'] = async (args, input) => {
    const { code, out, err } = await tryKubectl(args, input);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${err}`);
    return out;
  };
  return {
    tryKubectl,
    kubectl,
    serviceAccountToken: async (namespace, name) => {
      const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name } };
      await kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify(account));
      return (await kubectl(['create', 'token', name, '-n', namespace])).trim();
    },
  };
}

async function writeCredentials(folder: string, token: string): Promise<void> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  await writeFile(join(folder, 'service-accounts.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  await writeFile(join(folder, 'tokens.csv'), `${token},admin,admin,"system:masters"\n`, { mode: 0o600 });
}

interface Running {
  readonly hasEnded: () => boolean;
  /** The last that it wrote. */
  readonly log: () => string;
  stop(): Promise<void>;
}

/** A quarter of the time of these programs of Go is collecting what a short life never needs back. */
const ENVIRONMENT = { GOGC: '400' };

/** Ends by its own process id, and with the process that started it. */
function run(program: Program, cwd: string, args: readonly string[]): Running {
  const env = { ...process.env, ...ENVIRONMENT };
  const child = spawn(requireProgram(program), args, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-4_000)));
  const endWithParent = () => child.kill('SIGKILL');
  process.once('exit', endWithParent);
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return {
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    log: () => `${program}: ${log}`,
    stop: async () => {
      process.off('exit', endWithParent);
      // Nothing of it is kept, so there is nothing to end in order.
      child.kill('SIGKILL');
      await ended;
    },
  };
}

const STARTING_MS = 60_000;

/** Waits until the server is ready, and reads the certificate that it made for itself. */
async function certificateOf(folder: string, url: string, token: string, ...all: Running[]): Promise<string> {
  const end = Date.now() + STARTING_MS;
  let reason = 'it has not begun to listen';
  while (Date.now() < end) {
    const ended = all.find((running) => running.hasEnded());
    if (ended) throw new Error(`ended before it was ready: ${ended.log()}`);
    try {
      const ca = await readFile(join(folder, 'certificates', 'apiserver.crt'), 'utf8');
      if ((await statusOf(`${url}/readyz`, ca, token)) === 200) return ca;
    } catch (error) {
      reason = String(error);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`the API server did not become ready (${reason}): ${all.map((running) => running.log()).join('\n')}`);
}

function statusOf(url: string, ca: string, token: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` };
    request(url, { ca, headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .once('error', reject)
      .end();
  });
}

function kubeconfigOf(server: string, certificateAuthority: string, token: string): string {
  const ca = Buffer.from(certificateAuthority).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority-data': ca } }],
    users: [{ name: 'admin', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
  });
}

/** Runs a program to its end. @param input what it reads from its standard input */
function outcomeOf(program: Program, args: readonly string[], input = ''): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...ENVIRONMENT };
    const child: ChildProcess = spawn(requireProgram(program), args, { env, stdio: 'pipe' });
    let [out, err] = ['', ''];
    child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.once('error', reject).once('close', (code) => resolve({ code: code ?? 1, out, err }));
    // Who ends before it has read everything says why by itself.
    child.stdin?.once('error', () => undefined).end(input);
  });
}
