import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type GatewayUnderTest } from '../support/gateway.ts';
import { consumer, documents, model, provider, route, secret } from '../support/resource-files.ts';
import { runFairlead } from '../support/run-fairlead.ts';
import { startAgentInProcess } from '../support/running-agent.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const KEY = 'sk-test-someone';
const LEAVER = 'sk-test-leaver';
const PROVIDER_KEY = 'sk-of-the-provider';

describe('the commands for operating an edge, against an edge and an agent', () => {
  let gateway: GatewayUnderTest;
  let edgeFile: string;

  beforeAll(async () => {
    gateway = await startGateway({
      startAgent: (folder) => startAgentInProcess(folder, { resyncMs: 300 }),
      apiKey: PROVIDER_KEY,
      files: (simulator) => ({
        'provider.yaml': documents(
          provider('simulator', {
            baseURL: `${simulator}/v1`,
            auth: { type: 'APIKey', apiKey: { type: 'SecretRef', secretRef: { name: 'upstream', key: 'key' } } },
          }),
          secret('upstream', new URL(simulator).host, { key: PROVIDER_KEY }),
        ),
        'model.yaml': model('demo', { provider: 'simulator' }),
        'route.yaml': route('chat', ['demo']),
        'someone.yaml': consumer('someone', KEY),
      }),
    });
    edgeFile = await readFile(join(gateway.folder.path, 'edge.yaml'), 'utf8');
  });
  afterAll(() => gateway?.dispose());

  const fairlead = (command: string, ...args: readonly string[]) =>
    runFairlead([command, gateway.folder.path, ...args]);
  const json = async (command: string, ...args: readonly string[]) => {
    const { code, stdout, stderr } = await fairlead(command, ...args, '--json');
    expect(stderr).toBe('');
    return { code, ...JSON.parse(stdout) };
  };
  const statusOf = async (key: string): Promise<number> => {
    const response = await fetch(`${gateway.edge.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'demo', messages: [{ role: 'user', content: 'Hi' }] }),
    });
    await response.body?.cancel();
    return response.status;
  };
  const edgeYaml = () => readFile(join(gateway.folder.path, 'edge.yaml'), 'utf8');

  describe('while the folder is what the edge serves', () => {
    test('status says so, which isolates serve it and that every resource is programmed', async () => {
      const { code, ok, edges } = await json('status');
      expect({ code, ok }).toEqual({ code: 0, ok: true });
      const [edge] = edges;
      const { revision } = edge.held;
      expect(edge).toMatchObject({
        edge: 'default/edge',
        cluster: 'test',
        reached: true,
        held: { revision: expect.stringMatching(/^[0-9a-f]{12}$/), generation: expect.stringMatching(/^\d+\.\d+$/) },
        serving: [{ revision, count: 1, ageMs: expect.any(Number) }],
        probe: { revision, confirmed: true },
        changes: [],
        missing: [],
        impaired: [],
      });
      expect(edge.programmed['GatewayRoute/default/chat']).toMatchObject({ status: 'True', reason: 'Programmed' });
    });

    test('diff finds nothing, and its exit code says so', async () => {
      const { code, stdout } = await fairlead('diff');
      expect(code).toBe(0);
      expect(stdout).toContain('No resource differs.');
    });
  });

  describe('while the folder says something else', () => {
    beforeAll(async () => {
      await gateway.agent.stop();
      await gateway.folder.write('model.yaml', model('demo', { provider: 'simulator', weight: 7 }));
      await gateway.folder.write('newcomer.yaml', consumer('newcomer', 'sk-test-newcomer'));
      await gateway.folder.write('upstream.yaml', model('lost', { provider: 'nowhere' }));
    });
    afterAll(async () => {
      await gateway.folder.remove('newcomer.yaml');
      await gateway.folder.remove('upstream.yaml');
      await gateway.folder.write('model.yaml', model('demo', { provider: 'simulator' }));
      await gateway.restartAgent();
      await gateway.agent.served();
    });

    test('diff shows it resource by resource and field by field, and names the table', async () => {
      const { code, stdout } = await fairlead('diff');
      expect(code).toBe(1);
      expect(stdout).toContain('~ AIModel/default/demo\n      backends[simulator].weight: 1 -> 7\n');
      expect(stdout).toContain('+ Consumer/default/newcomer');
      expect(stdout).toMatch(/1 added, 1 changed\. Digest of the table: [0-9a-f]{12}\n/);
    });

    test('status tells which resources wait for an agent, and which are at fault themselves', async () => {
      const { code, edges } = await json('status');
      expect(code).toBe(1);
      const missing = Object.fromEntries(
        edges[0].missing.map(({ resource, because }: { resource: string; because: { reason: string }[] }) => [
          resource,
          because.map(({ reason }) => reason),
        ]),
      );
      expect(missing).toMatchObject({
        'AIModel/default/demo': ['Pending'],
        'AIModel/default/lost': ['BackendNotFound'],
        'Consumer/default/newcomer': ['Pending'],
      });
      expect(edges[0].programmed['GatewayRoute/default/chat']).toMatchObject({ status: 'True' });
    });
  });

  test('a secret that changes shows as another secret, and its value nowhere', async () => {
    await gateway.agent.stop();
    const before = await readFile(join(gateway.folder.path, 'provider.yaml'), 'utf8');
    await gateway.folder.write('provider.yaml', before.replace(PROVIDER_KEY, 'sk-quite-another'));
    const { stdout } = await fairlead('diff');
    const asJson = await fairlead('diff', '--json');
    await gateway.folder.write('provider.yaml', before);
    await gateway.restartAgent();
    await gateway.agent.served();
    expect(stdout).toContain(
      '~ LLMProvider/default/simulator\n      auth.credential: (a secret) -> (another secret)\n',
    );
    expect(stdout + asJson.stdout).not.toMatch(/sk-|"d":|[0-9a-f]{64}/);
  });

  test('diff and status say what a guard holds back, with the digest that would let it go', async () => {
    await gateway.folder.remove('route.yaml');
    const { edges } = await json('diff');
    await gateway.folder.write('route.yaml', route('chat', ['demo']));
    expect(edges[0].guards).toEqual([
      { reason: 'ShrinkHeld', sentence: expect.stringContaining('GatewayRoute/default/chat') },
    ]);
    expect(edges[0].guards[0].sentence).toContain(`fairlead.dev/allow-shrink=${edges[0].digest}`);
    expect(await statusOf(KEY)).toBe(200);
  });

  describe('going back', () => {
    afterEach(async () => {
      await fairlead('rollback', '--undo');
    });

    test('history lists what the edge keeps, what each changed, and what is held', async () => {
      await gateway.apply('leaver.yaml', consumer('leaver', LEAVER));
      await gateway.withdraw('leaver.yaml');
      const { code, edges } = await json('history');
      expect(code).toBe(0);
      const [current, before] = edges[0].revisions;
      expect(current).toMatchObject({
        isCurrent: true,
        kid: expect.stringMatching(/^signing-/),
        admittedAt: expect.stringMatching(/^\d{4}-.*Z$/),
        changes: { Consumer: { added: 0, changed: 0, removed: 1 } },
      });
      expect(before).toMatchObject({ isCurrent: false, changes: { Consumer: { added: 1, changed: 0, removed: 0 } } });
      expect(edges[0].revisions.at(-1).changes).toBeNull();
    });

    test('rollback brings back the revision before, warns of keys that come back, and undo goes forward', async () => {
      const leaving = await gateway.apply('leaver.yaml', consumer('leaver', LEAVER));
      await gateway.withdraw('leaver.yaml');
      expect(await statusOf(LEAVER)).toBe(401);

      const { code, stdout } = await fairlead('rollback');
      expect(code).toBe(0);
      await gateway.agent.served();
      expect(stdout).toContain(`back to ${leaving}`);
      expect(stdout).toContain('keys that were taken away since would be accepted again');
      expect(stdout).toContain('Consumer/default/leaver (all its keys)');
      expect(await statusOf(LEAVER)).toBe(200);
      expect(await edgeYaml()).toBe(edgeFile.replace('spec:\n', `spec:\n  pinnedRevision: "${leaving}"\n`));

      const pinned = await json('status');
      expect(pinned.code).toBe(1);
      expect(pinned.edges[0].held.rollbackOf).toBe(leaving);
      expect(pinned.edges[0].guards).toEqual([{ reason: 'Pinned', sentence: expect.stringContaining(leaving) }]);

      const undone = await fairlead('rollback', '--undo');
      expect(undone.code).toBe(0);
      await gateway.agent.served();
      expect(await edgeYaml()).toBe(edgeFile);
      expect(await statusOf(LEAVER)).toBe(401);
    });

    test('a revision that is not kept is refused with those that are, and nothing is written', async () => {
      const { code, stderr } = await fairlead('rollback', 'ffffffffffff');
      expect(code).toBe(1);
      expect(stderr).toMatch(/^fairlead: the edge keeps no revision ffffffffffff: it keeps [0-9a-f]{12}/);
      expect(await edgeYaml()).toBe(edgeFile);
    });

    test('without an agent it says so after a while, and the file is written', async () => {
      await gateway.apply('leaver.yaml', consumer('leaver', LEAVER));
      await gateway.withdraw('leaver.yaml');
      await gateway.agent.stop();
      const { code, stdout } = await fairlead('rollback', '--timeout', '1');
      expect(code).toBe(1);
      expect(stdout).toMatch(/no agent has published it: does one watch this folder\?/);
      expect(await edgeYaml()).toContain('pinnedRevision');
      await gateway.restartAgent();
      await gateway.agent.served();
    });
  });

  describe('an edge that cannot be asked', () => {
    test('a key that it does not list is said to be refused, with what an isolate serves all the same', async () => {
      const other = await temporaryFolder();
      await runFairlead([
        'keygen',
        '--out',
        join(other.path, 'keys'),
        '--endpoint',
        gateway.edge.url,
        '--cluster',
        'test',
        '--namespace',
        'default',
        '--name',
        'edge',
      ]);
      await other.write('model.yaml', model('demo', { provider: 'simulator' }));
      const { code, stdout } = await runFairlead(['status', other.path, '--keys', join(other.path, 'keys')]);
      await other.dispose();
      expect(code).toBe(3);
      expect(stdout).toContain('does not take this agent');
      expect(stdout).toMatch(/all the same one answers, and serves [0-9a-f]{12}/);
    });

    test('one that is away is named, with exit code 3, by every command', async () => {
      await gateway.agent.stop();
      await gateway.edge.stop();
      const status = await fairlead('status');
      const others = await Promise.all(
        [['diff'], ['history'], ['rollback'], ['evict', '--edge', 'default/edge', '--yes']].map(
          ([command = '', ...args]) => fairlead(command, ...args),
        ),
      );
      await gateway.edge.start();
      await gateway.restartAgent();
      await gateway.agent.served();
      expect(status.code).toBe(3);
      expect(status.stdout).toContain('cannot be reached');
      for (const { code, stderr } of others) {
        expect(code).toBe(3);
        expect(stderr).toMatch(
          /^fairlead: the edge http:\/\/127\.0\.0\.1:\d+ cannot be reached .*: check the endpoint\n$/,
        );
      }
    });
  });

  test('evict says what would go, and with --yes it goes from hub and isolates', async () => {
    await gateway.agent.stop();
    const asked = await fairlead('evict', '--edge', 'default/edge');
    expect(asked.code).toBe(2);
    expect(asked.stderr).toContain('1 GatewayRoute');
    expect(await statusOf(KEY)).toBe(200);

    const evicted = await json('evict', '--edge', 'default/edge', '--yes');
    expect(evicted).toMatchObject({ code: 0, evicted: true, isolatesThatServeIt: 0 });
    expect(await statusOf(KEY)).toBe(503);

    await gateway.restartAgent();
    await gateway.agent.served();
    expect(await statusOf(KEY)).toBe(200);
  });
});
