import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigError, readConfig } from '../../sync-agent/config.ts';
import { jsonLogger } from '../../sync-agent/json-log.ts';
import { EXIT, runAgent } from '../../sync-agent/run-agent.ts';
import { startLocalHttpServer, type LocalHttpServer } from '../support/local-http-server.ts';

describe('configuration', () => {
  test('comes from flags, then from the environment, then from defaults', () => {
    const env = { FAIRLEAD_SOURCE_DIR: '/env', FAIRLEAD_LOG_LEVEL: 'debug' };
    expect(readConfig(['--source-dir', '/flag'], env)).toEqual({
      type: 'Directory',
      sourceDir: '/flag',
      clusterUid: 'directory',
      logLevel: 'debug',
      resyncSeconds: 30,
    });
  });

  test('means the cluster in a pod, and elsewhere only where one is named', () => {
    const pod = { KUBERNETES_SERVICE_HOST: '10.0.0.1', POD_NAME: 'agent-0' };
    expect(readConfig([], pod)).toEqual({
      type: 'Cluster',
      leaseName: 'fairlead-sync-agent',
      secretReader: 'fairlead-secret-reader',
      podName: 'agent-0',
      signals: 'Pods',
      signalsSeconds: 5,
      logLevel: 'info',
      resyncSeconds: 30,
    });
    expect(readConfig(['--context', 'staging'], {})).toMatchObject({ type: 'Cluster', context: 'staging' });
    expect(readConfig([], { KUBECONFIG: 'file' })).toMatchObject({ type: 'Cluster' });
    expect(() => readConfig([], { HOME: '/home/somebody' })).toThrow('this is no pod');
  });

  test('reads lists and addresses', () => {
    const args = ['--context', 'c', '--watch-namespaces', 'a, b', '--http-address', '[::1]:8080'];
    expect(readConfig(args, {})).toMatchObject({
      watchNamespaces: ['a', 'b'],
      httpAddress: { host: '::1', port: 8080 },
    });
    expect(readConfig(['--context', 'c', '--http-address', ':0'], {})).toMatchObject({
      httpAddress: { host: '0.0.0.0', port: 0 },
    });
  });

  test.each([
    [[], {}, '--source-dir (FAIRLEAD_SOURCE_DIR) is required'],
    [['--source-dir', 'x'], { FAIRLEAD_LOG_LEVEL: 'loud' }, 'must be one of debug, info, warn, error'],
    [
      ['--source-dir', 'x', '--resync-seconds', 'often'],
      {},
      '--resync-seconds (FAIRLEAD_RESYNC_SECONDS) must be a number',
    ],
    [
      ['--source-dir', 'x', '--cloudflare-api', 'http://api.example.com'],
      {},
      '--cloudflare-api (FAIRLEAD_CLOUDFLARE_API) must be https',
    ],
    [['--source-dir', 'x'], { FAIRLEAD_CLOUDFLARE_API: 'nowhere' }, 'must be a URL such as https://api.cloudflare.com'],
    [['--source-dir', 'x', '--context', 'c'], {}, '--source-dir reads a folder'],
    [['--context', 'c', '--signals', 'Prometheus'], {}, '--prometheus-url (FAIRLEAD_PROMETHEUS_URL) is required'],
    [['--context', 'c', '--http-address', '8080'], {}, 'must be HOST:PORT'],
    [['--context', 'c', '--watch-namespaces', 'Team A'], {}, 'must be the name of namespaces'],
    [['--sourcedir', 'x'], {}, "Unknown option '--sourcedir'"],
    [['x'], {}, 'Unexpected argument'],
  ])('%j with %j is refused with a sentence', (args, env, sentence) => {
    expect(() => readConfig(args, env)).toThrow(ConfigError);
    expect(() => readConfig(args, env)).toThrow(sentence);
  });
});

describe('the log', () => {
  test('is one JSON object a line, from the wanted level on', () => {
    const lines: string[] = [];
    const logger = jsonLogger((line) => lines.push(line), { now: () => 0 }, 'info');
    logger.debug('not this');
    logger.info('two\nlines', { a: 1 });
    expect(lines).toEqual(['{"level":"info","time":"1970-01-01T00:00:00.000Z","a":1,"message":"two\\nlines"}\n']);
  });
});

describe('the process', () => {
  let dir: string;
  let edge: LocalHttpServer;
  let agent: ChildProcess | undefined;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'fairlead-agent-'));
    edge = await startLocalHttpServer(async () => new Response('not yet', { status: 503 }));
  });
  afterEach(async () => {
    agent?.kill('SIGKILL');
    await edge.stop();
    await rm(dir, { recursive: true, force: true });
  });

  test('says how it is used, and exits with 2 where it is used wrongly', async () => {
    expect(await run('--help')).toMatchObject({ code: EXIT.stopped, out: expect.stringContaining('Exit codes') });
    const wrong = await run();
    expect(wrong.code).toBe(EXIT.usage);
    expect(wrong.err).toContain('--source-dir (FAIRLEAD_SOURCE_DIR) is required');
  });

  test('exits with 1 where its folder does not exist', async () => {
    const { code, out } = await run('--source-dir', join(dir, 'none'));
    expect(code).toBe(EXIT.failed);
    expect(out).toContain('cannot be read');
  });

  test('reads its folder, logs what is wrong in JSON, and ends with 0 on SIGTERM', async () => {
    await writeFile(join(dir, 'edge.yaml'), gatewayYaml(edge.origin));
    await writeFile(join(dir, 'broken.yaml'), 'kind: [\n');
    const spawned = spawn(process.execPath, ['sync-agent/main.ts', '--source-dir', dir], { stdio: 'pipe' });
    agent = spawned;
    const seen: Record<string, unknown>[] = [];
    const ended = new Promise<number | null>((resolve) => {
      spawned.on('exit', resolve);
    });
    for await (const line of createInterface(spawned.stdout)) {
      const entry: Record<string, unknown> = JSON.parse(line);
      seen.push(entry);
      const saidAll =
        seen.some(({ file }) => file === 'broken.yaml') && seen.some(({ resource }) => resource !== undefined);
      // Once: a process that is ending no longer has a handler for a second signal.
      if (saidAll && !spawned.killed) spawned.kill('SIGTERM');
    }
    expect(await ended).toBe(0);
    expect(seen.at(0)).toMatchObject({ level: 'info', message: 'started' });
    expect(seen.find(({ file }) => file === 'broken.yaml')).toMatchObject({ level: 'warn', line: 2 });
    expect(seen.find(({ resource }) => resource === 'EdgeGateway/default/edge')).toMatchObject({ status: 'False' });
    expect(seen.at(-1)).toMatchObject({ level: 'info', message: 'stopped' });
  });
});

/** Runs the agent until it ends by itself. */
async function run(...args: string[]) {
  let out = '';
  let err = '';
  const code = await runAgent({
    args,
    env: {},
    out: (text) => (out += text),
    err: (text) => (err += text),
    signal: new AbortController().signal,
  });
  return { code, out, err };
}

function gatewayYaml(endpoint: string): string {
  return `apiVersion: fairlead.dev/v1alpha1
kind: EdgeGateway
metadata: {name: edge}
spec:
  clusterName: berlin
  endpoint: ${endpoint}
  publish: {type: Edge}
  signingKeySecretRef: {name: missing}
  sealingKeys: [{kid: k, publicKey: ${'A'.repeat(42)}A}]
`;
}
