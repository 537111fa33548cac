import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { startEdge, type Edge } from '../../dev/edge.ts';
import { findFreePort } from '../../dev/find-free-port.ts';
import { instantPace } from '../../dev/simulator/pace.ts';
import { startSimulator, type Simulator } from '../../dev/simulator/server.ts';
import { steadyModel } from '../support/cluster-under-test.ts';
import { consumer, documents, provider, route, secret } from '../support/resource-files.ts';
import { runFairlead } from '../support/run-fairlead.ts';
import { startAgentInProcess, type AgentInProcess } from '../support/running-agent.ts';
import { SteadyClient } from '../support/steady-client.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';

const CLIENT_KEY = 'sk-test-someone';
const PROVIDER_KEY = 'sk-of-the-provider';

/** A worker, a cluster and an operator who installs what `fairlead` tells to install. */
class Operator {
  readonly folder: TemporaryFolder;
  readonly edge: Edge;
  readonly keys: string;
  readonly #simulator: Simulator;
  #agent: AgentInProcess | undefined;
  client: SteadyClient | undefined;

  private constructor(folder: TemporaryFolder, edge: Edge, simulator: Simulator) {
    this.folder = folder;
    this.edge = edge;
    this.keys = join(folder.path, '.keys');
    this.#simulator = simulator;
  }

  static async begin(): Promise<Operator> {
    const [folder, simulator, port] = await Promise.all([
      temporaryFolder(),
      startSimulator({ pace: instantPace, apiKey: PROVIDER_KEY }),
      findFreePort(),
    ]);
    const keys = join(folder.path, '.keys');
    const place = ['--endpoint', `http://127.0.0.1:${port}`, '--cluster', 'test', '--namespace', 'default'];
    await runFairlead(['keygen', '--out', keys, ...place, '--name', 'edge']);
    const vars = await workerVars(keys);
    const operator = new Operator(folder, await startEdge({ port, vars: () => vars }), simulator);
    await folder.write(
      'resources.yaml',
      documents(
        provider('simulator', {
          baseURL: `${simulator.url}/v1`,
          auth: { type: 'APIKey', apiKey: { type: 'SecretRef', secretRef: { name: 'upstream', key: 'key' } } },
        }),
        secret('upstream', new URL(simulator.url).host, { key: PROVIDER_KEY }),
        route('chat', ['demo']),
        consumer('someone', CLIENT_KEY),
      ),
    );
    await folder.write('model.yaml', steadyModel('demo', 1));
    await operator.applyManifests();
    operator.#agent = await startAgentInProcess(folder.path, { resyncMs: 300 });
    await operator.#agent.served();
    operator.client = new SteadyClient({ urls: operator.edge.urls, key: CLIENT_KEY, model: 'demo' });
    await operator.client.sees(1);
    return operator;
  }

  async rotate(...args: readonly string[]) {
    const { code, stdout, stderr } = await runFairlead(['keys', 'rotate', this.keys, '--json', ...args]);
    if (stderr !== '') throw new Error(stderr);
    return { code, ...JSON.parse(stdout) };
  }

  /** `wrangler secret bulk` */
  async deploy(): Promise<void> {
    await this.edge.redeploy({ vars: await workerVars(this.keys) });
    await this.client?.rounds(2);
  }

  /** `kubectl apply` */
  async applyManifests(): Promise<void> {
    await this.folder.write('signing-key.yaml', await this.read('signing-key.yaml'));
    const gateway = parse(await this.read('edge-gateway.yaml'));
    const allowed = [{ name: 'local', privateAddresses: true, plainText: true }];
    await this.folder.write('edge.yaml', stringify({ ...gateway, spec: { ...gateway.spec, allowed } }));
  }

  served(): Promise<string> | undefined {
    return this.#agent?.served();
  }

  async publishAnother(step: number): Promise<void> {
    await this.folder.write('model.yaml', steadyModel('demo', step));
    await this.served();
  }

  read(file: string): Promise<string> {
    return readFile(join(this.keys, file), 'utf8');
  }

  async workerKeys() {
    const secrets = JSON.parse(await this.read('worker-secrets.json'));
    return { clusters: JSON.parse(secrets.FAIRLEAD_CLUSTERS), sealing: JSON.parse(secrets.FAIRLEAD_SEALING_KEYS).keys };
  }

  async end(): Promise<void> {
    await this.client?.stop();
    await this.#agent?.stop().catch(() => undefined);
    await Promise.all([this.edge.dispose(), this.#simulator.close(), this.folder.dispose()]);
  }
}

async function workerVars(keys: string): Promise<Record<string, string>> {
  return { ...JSON.parse(await readFile(join(keys, 'worker-secrets.json'), 'utf8')), FAIRLEAD_LOCAL: 'true' };
}

describe('fairlead keys rotate', () => {
  let operator: Operator;
  beforeEach(async () => {
    operator = await Operator.begin();
  });
  afterEach(() => operator?.end());

  test('takes signing and sealing keys from old to new while clients are answered all the time', async () => {
    const [old] = (await operator.workerKeys()).clusters[0].verifyingKeys;

    const begun = await operator.rotate();
    expect(begun).toMatchObject({ code: 0, did: 'Begin', phases: { signing: 'announced', sealing: 'announced' } });
    expect((await stat(join(operator.keys, 'signing-key.next.yaml'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(operator.keys, 'worker-secrets.json'))).mode & 0o777).toBe(0o600);

    // Again, before anything was installed: nothing moves.
    const early = await operator.rotate();
    expect(early).toMatchObject({ code: 1, did: 'Nothing', keys: begun.keys });
    expect(early.obstacles[0]).toContain('deploy worker-secrets.json');

    await operator.deploy();
    expect(await operator.rotate()).toMatchObject({
      code: 0,
      did: 'Switch',
      phases: { signing: 'switched', sealing: 'switched' },
    });
    const unpublished = await operator.rotate();
    expect(unpublished).toMatchObject({ code: 1, did: 'Nothing' });
    expect(unpublished.obstacles[0]).toContain('is signed with another key');
    expect(unpublished.obstacles[1]).toMatch(/^1 of 1 kept revisions hold secrets that are sealed to sealing-/);

    await operator.applyManifests();
    await operator.served();
    await operator.client?.rounds(2);
    // The signing key can go at once; the sealing key is needed as long as an old revision may be gone back to.
    const retired = await operator.rotate();
    expect(retired).toMatchObject({ code: 0, did: 'Retire', parts: ['signing'], done: false });
    expect((await operator.workerKeys()).clusters[0].verifyingKeys).not.toContainEqual(old);
    await operator.deploy();

    for (let step = 2; step <= 11; step++) await operator.publishAnother(step);
    const [before] = (await operator.workerKeys()).sealing;
    const last = await operator.rotate();
    expect(last).toMatchObject({ code: 0, did: 'Retire', parts: ['sealing'], done: true, next: null });
    expect((await operator.workerKeys()).sealing).not.toContainEqual(before);
    expect(parse(await operator.read('edge-gateway.yaml')).spec.sealingKeys).toHaveLength(1);
    await operator.deploy();
    await operator.applyManifests();
    await operator.publishAnother(12);
    await operator.client?.sees(12);
    expect(operator.client?.complaints).toEqual([]);
  });

  test('rotates the signing key alone', async () => {
    const { sealing } = await operator.workerKeys();
    const only = ['--signing-only'];
    expect(await operator.rotate(...only)).toMatchObject({ did: 'Begin', parts: ['signing'] });
    await operator.deploy();
    expect(await operator.rotate(...only)).toMatchObject({ did: 'Switch', parts: ['signing'] });
    await operator.applyManifests();
    await operator.served();
    expect(await operator.rotate(...only)).toMatchObject({ did: 'Retire', parts: ['signing'], done: true });
    expect((await operator.workerKeys()).sealing).toEqual(sealing);
    await expect(operator.read('signing-key.next.yaml')).rejects.toThrow('ENOENT');
    await operator.deploy();
    await operator.publishAnother(2);
    await operator.client?.sees(2);
    expect(operator.client?.complaints).toEqual([]);
  });

  test('rotates the sealing key alone, shown to be there by a signing key that is withdrawn again', async () => {
    const signing = await operator.read('signing-key.yaml');
    const { clusters } = await operator.workerKeys();
    const only = ['--sealing-only'];
    expect(await operator.rotate(...only)).toMatchObject({ did: 'Begin', parts: ['sealing'] });
    expect((await operator.rotate(...only)).did).toBe('Nothing');
    await operator.deploy();
    expect(await operator.rotate(...only)).toMatchObject({ did: 'Switch', parts: ['sealing'] });
    await operator.applyManifests();
    await operator.served();
    for (let step = 2; step <= 11; step++) await operator.publishAnother(step);
    expect(await operator.rotate(...only)).toMatchObject({ did: 'Retire', parts: ['sealing'], done: true });
    expect(await operator.read('signing-key.yaml')).toBe(signing);
    expect((await operator.workerKeys()).clusters).toEqual(clusters);
    await operator.deploy();
    await operator.publishAnother(12);
    await operator.client?.sees(12);
    expect(operator.client?.complaints).toEqual([]);
  });

  test('touches nothing of other clusters, and asks whether they still need the old sealing key', async () => {
    const path = join(operator.keys, 'worker-secrets.json');
    const secrets = JSON.parse(await readFile(path, 'utf8'));
    const [ours] = JSON.parse(secrets.FAIRLEAD_CLUSTERS);
    const other = {
      name: 'other',
      uid: 'adopted',
      verifyingKeys: [{ kty: 'OKP', crv: 'Ed25519', x: 'MLgzX60bHVbDxMXJ3QanXlRzuhpvpHegQw3BHZr-jUE', kid: 'theirs' }],
      hostnames: ['other.example.com'],
      models: ['other-*'],
    };
    const bounded = { ...ours, hostnames: ['*'], models: ['demo', 'test-*'] };
    secrets.FAIRLEAD_CLUSTERS = JSON.stringify([other, bounded]);
    await writeFile(path, JSON.stringify({ OPENAI_API_KEY: 'a worker secret', ...secrets }));
    await operator.deploy();

    await operator.rotate();
    await operator.deploy();
    await operator.rotate();
    await operator.applyManifests();
    await operator.served();
    for (let step = 2; step <= 11; step++) await operator.publishAnother(step);
    const retired = await operator.rotate();
    expect(retired).toMatchObject({ did: 'Retire', parts: ['signing'] });
    expect(retired.obstacles).toEqual([expect.stringContaining('other clusters publish to this edge (other)')]);
    expect(await operator.rotate('--others-rotated')).toMatchObject({ did: 'Retire', parts: ['sealing'], done: true });

    const after = JSON.parse(await readFile(path, 'utf8'));
    expect(after.OPENAI_API_KEY).toBe('a worker secret');
    const [first, second] = JSON.parse(after.FAIRLEAD_CLUSTERS);
    expect(first).toEqual(other);
    expect(second).toEqual({ ...bounded, verifyingKeys: [expect.objectContaining({ kty: 'OKP' })] });
    expect(second.verifyingKeys).not.toEqual(ours.verifyingKeys);
  });
});
