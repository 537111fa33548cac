import { afterEach, describe, expect, test } from 'vitest';
import { consumer, documents, model, provider, route } from '../support/resource-files.ts';
import { runFairlead } from '../support/run-fairlead.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';

const TWO_BACKENDS = documents(
  provider('main', { baseURL: 'https://main.example.com/v1' }),
  provider('spare', { baseURL: 'https://spare.example.com/v1' }),
  model(
    'demo',
    { provider: 'spare', priority: 1 },
    { provider: 'main', model: 'demo-large' },
    { name: 'resting', provider: 'main', weight: 0 },
  ),
  route('special', ['demo'], {
    hostnames: ['special.example.com'],
    onClientAbort: 'Drain',
    timeouts: { firstByte: '7s' },
  }),
  route('general', ['demo']),
  consumer('someone', 'sk-test'),
);

describe('fairlead explain', () => {
  const folders: TemporaryFolder[] = [];
  afterEach(() => Promise.all(folders.splice(0).map((folder) => folder.dispose())));
  const explain = async (...args: string[]) => {
    const folder = await temporaryFolder({ 'all.yaml': TWO_BACKENDS });
    folders.push(folder);
    return runFairlead(['explain', folder.path, ...args]);
  };

  test('names route, model, the backends in order, the treatment, and why others are not met', async () => {
    const { code, stdout } = await explain('--model', 'demo', '--key', 'sk-test');
    expect(code).toBe(0);
    expect(stdout).toMatch(/route +default\/general/);
    expect(stdout).toMatch(/model +default\/demo/);
    expect(stdout).toMatch(/1\. main: .*main\.example\.com.* as demo-large.*\n.*2\. spare: /);
    expect(stdout).toMatch(/passed over\n.*route default\/special: .*host/);
    expect(stdout).toMatch(/backend resting: its weight is 0/);
  });

  test('a more specific host meets its own route and that route’s treatment', async () => {
    const { stdout } = await explain('--model', 'demo', '--key', 'sk-test', '--host', 'special.example.com', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      outcome: 'served',
      route: { id: 'default/special', onClientAbort: 'Drain' },
      model: { id: 'default/demo' },
      backends: [{ name: 'main', timeouts: { firstByte: 7000 } }, { name: 'spare' }],
      passedOver: expect.arrayContaining([expect.objectContaining({ type: 'Route', name: 'default/general' })]),
    });
  });

  test.each([
    ['a model that nobody serves', ['--model', 'nope', '--key', 'sk-test'], 404, 'model_not_found'],
    ['no key', ['--model', 'demo'], 401, 'invalid_api_key'],
    ['an unknown key', ['--model', 'demo', '--key', 'sk-wrong'], 401, 'invalid_api_key'],
  ])('%s is refused as the edge would, with exit code 1', async (_what, args, status, reason) => {
    const { code, stdout } = await explain(...args, '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ outcome: 'refused', status, code: reason });
  });

  test('the operator learns what the caller is not told', async () => {
    const because = async (...args: string[]): Promise<unknown> =>
      JSON.parse((await runFairlead(['explain', 'examples/tenants', '--json', ...args])).stdout).why;
    const red = ['--consumer', 'red/red-app'];
    expect(await because('--model', 'blue-demo', ...red)).toBe(
      'the route blue/chat admits consumers of the namespace blue, and this one is red/red-app',
    );
    expect(await because('--model', 'nope', ...red)).toBe(
      'no route that ships to this edge leads to a model named nope; they lead to blue-demo, shared-demo',
    );
    expect(await because('--model', 'blue-demo')).toBe('the route blue/chat asks for the key of a consumer');
  });

  test('a path that is not that of the operation is a usage error', async () => {
    const { code, stderr } = await explain('--model', 'demo', '--path', '/v1/nothing');
    expect(code).toBe(2);
    expect(stderr).toContain('it must end in /v1/chat/completions');
  });

  test('a consumer stands in for its key, across tenants too', async () => {
    const asRed = ['explain', 'examples/tenants', '--consumer', 'red/red-app', '--json', '--model'];
    expect((await runFairlead([...asRed, 'shared-demo'])).code).toBe(0);
    expect((await runFairlead([...asRed, 'blue-demo'])).code).toBe(1);
  });

  test('a consumer that does not ship is said so, and a missing option is a usage error', async () => {
    expect(await explain('--model', 'demo', '--consumer', 'default/nobody')).toMatchObject({
      code: 1,
      stderr: 'fairlead: no key of a consumer default/nobody ships to this edge: see `fairlead compile`\n',
    });
    expect((await runFairlead(['explain', 'examples/tenants'])).code).toBe(2);
  });
});
