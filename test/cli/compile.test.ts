import { afterEach, describe, expect, test } from 'vitest';
import { consumer, documents, model, provider, route } from '../support/resource-files.ts';
import { runFairlead } from '../support/run-fairlead.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';

const GOOD = documents(
  provider('simulator', { baseURL: 'http://127.0.0.1:8788/v1' }),
  model('demo', { provider: 'simulator' }),
  route('chat', ['demo']),
  consumer('someone', 'sk-test'),
);

describe('fairlead compile', () => {
  const folders: TemporaryFolder[] = [];
  afterEach(() => Promise.all(folders.splice(0).map((folder) => folder.dispose())));
  const compile = async (files: Readonly<Record<string, string>>, ...args: string[]) => {
    const folder = await temporaryFolder(files);
    folders.push(folder);
    return runFairlead(['compile', folder.path, ...args]);
  };

  test.each(['quickstart', 'failover', 'tenants'])('examples/%s is all right', async (example) => {
    const { code, stdout } = await runFairlead(['compile', `examples/${example}`]);
    expect(stdout).toMatch(/(\d+) of \1 resources are all right/);
    expect(code).toBe(0);
  });

  test('the JSON holds sections, counts and conditions, and the same folder gives the same bytes', async () => {
    const first = await compile({ 'all.yaml': GOOD }, '--json');
    expect(first.code).toBe(0);
    const document = JSON.parse(first.stdout);
    expect(document).toMatchObject({
      ok: true,
      problems: [],
      edges: [
        {
          edge: 'default/local',
          counts: { routes: 1, models: 1, providers: 1, consumers: 1, secrets: 0 },
          sections: { routes: [{ sha256: expect.stringMatching(/^[0-9a-f]{64}$/), bytes: expect.any(Number) }] },
          conditions: {
            'GatewayRoute/default/chat': expect.arrayContaining([expect.objectContaining({ status: 'True' })]),
          },
        },
      ],
    });
    const again = JSON.parse((await compile({ 'all.yaml': GOOD }, '--json')).stdout);
    expect(again.edges[0].sections).toEqual(document.edges[0].sections);
  });

  test('a resource that cannot be resolved is named, with what to do, and the exit code says so', async () => {
    const { code, stdout } = await compile({
      'all.yaml': documents(model('demo', { provider: 'simulater' }), route('chat', ['demo'])),
    });
    expect(code).toBe(1);
    expect(stdout).toContain('AIModel/default/demo  ResolvedRefs=False BackendNotFound');
    expect(stdout).toContain('LLMProvider default/simulater does not exist');
  });

  test('a file that does not parse is named with its line, and the rest compiles', async () => {
    const { code, stdout } = await compile(
      { 'good.yaml': GOOD, 'bad.yaml': 'kind: AIModel\nspec:\n\tmodelName: x\n' },
      '--json',
    );
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      problems: [{ severity: 'error', file: 'bad.yaml', line: 3 }],
      edges: [{ counts: { models: 1 } }],
    });
  });

  test('a folder that does not exist is said in one line', async () => {
    const { code, stderr } = await runFairlead(['compile', '/does/not/exist']);
    expect({ code, stderr }).toEqual({
      code: 3,
      stderr: 'fairlead: /does/not/exist does not exist: name a folder of YAML resources\n',
    });
  });

  test('no colours where the output is not a terminal', async () => {
    const { stdout } = await runFairlead(['compile', 'examples/quickstart']);
    expect(stdout).not.toContain('\u001b[');
  });
});
