import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ChartValues } from '../../deploy/chart-values.ts';
import { isApiServerMissing } from '../envtest/programs.ts';
import { startApiServer, type ApiServer } from '../support/api-server.ts';
import { AGENT_NAMESPACE, helm } from '../support/chart.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';

const CRDS = 'deploy/charts/fairlead-crds';
const CHART = 'deploy/charts/fairlead';

/** The commands of docs/operations.md, in their order. No pod runs here, so that nothing waits for one. */
describe.skipIf(isApiServerMissing())('a release of the charts', () => {
  let server: ApiServer;
  let folder: TemporaryFolder;

  beforeAll(async () => {
    [server, folder] = await Promise.all([startApiServer(), temporaryFolder()]);
  });
  afterAll(async () => {
    await server?.stop();
    await folder?.dispose();
  });

  const kubectl = (...args: string[]) => server.kubectl(args);
  const run = async (...args: string[]): Promise<string> => {
    const { code, out, err } = await helm([...args, '-n', AGENT_NAMESPACE, '--kubeconfig', server.kubeconfig]);
    if (code !== 0) throw new Error(err);
    return out;
  };
  const values = async (content: ChartValues): Promise<string> => {
    await folder.write('values.yaml', JSON.stringify(content));
    return join(folder.path, 'values.yaml');
  };
  const imageOf = () =>
    kubectl(
      'get',
      'deployment',
      'fairlead',
      '-n',
      AGENT_NAMESPACE,
      '-o',
      'jsonpath={.spec.template.spec.containers[0].image}',
    );

  test('is installed, the definitions first', async () => {
    await run('install', 'fairlead-crds', CRDS, '--create-namespace');
    await kubectl('create', 'namespace', 'llm');

    const notes = await run(
      'install',
      'fairlead',
      CHART,
      '-f',
      await values({
        image: { repository: 'registry.example.com/sync-agent' },
        credentials: [{ namespace: 'llm', names: ['openai'] }],
      }),
    );

    expect(notes).toContain('kubectl get edgegateways -A');
    expect(await imageOf()).toBe('registry.example.com/sync-agent:0.1.0');
    expect(await kubectl('get', 'rolebinding', '-n', 'llm', '-o', 'name')).toContain('fairlead-credentials');
    await kubectl('apply', '-f', 'examples/cluster');
  });

  test('is upgraded, also the definitions, which Helm would leave as they are in the chart of the agent', async () => {
    const name = 'fairlead.dev_consumers.yaml';
    const next = join(folder.path, 'next');
    await folder.write('next/Chart.yaml', await readFile(join(CRDS, 'Chart.yaml'), 'utf8'));
    const definition = await readFile(join(CRDS, 'templates', name), 'utf8');
    await folder.write(`next/templates/${name}`, definition.replace('- csm', '- csm\n      - caller'));
    for (const other of ['aimodels', 'edgegateways', 'gatewayroutes', 'llmproviders'])
      await folder.write(
        `next/templates/${other}.yaml`,
        await readFile(join(CRDS, `templates/fairlead.dev_${other}.yaml`), 'utf8'),
      );

    await run('upgrade', 'fairlead-crds', next);
    await run('upgrade', 'fairlead', CHART, '--reset-then-reuse-values', '--set', 'image.tag=0.2.0');

    expect(await kubectl('get', 'crd', 'consumers.fairlead.dev', '-o', 'jsonpath={.spec.names.shortNames}')).toContain(
      'caller',
    );
    expect(await imageOf()).toBe('registry.example.com/sync-agent:0.2.0');
  });

  test('takes rights away that its values do not give any more', async () => {
    const rolebindings = () => kubectl('get', 'rolebinding', '-A', '-o', 'name');
    expect(await rolebindings()).toContain('fairlead-credentials');

    await run('upgrade', 'fairlead', CHART, '--reset-then-reuse-values', '--set-json', 'credentials=[]');

    expect(await rolebindings()).not.toContain('fairlead-credentials');
  });

  test('says what is wrong with values, and changes nothing', async () => {
    await expect(
      run('upgrade', 'fairlead', CHART, '--reset-then-reuse-values', '--set', 'replicas=many'),
    ).rejects.toThrow("at '/replicas': got string, want integer");

    expect(await imageOf()).toBe('registry.example.com/sync-agent:0.2.0');
  });

  test('goes back to what it was', async () => {
    await run('rollback', 'fairlead', '1');

    expect(await imageOf()).toBe('registry.example.com/sync-agent:0.1.0');
    expect(await kubectl('get', 'rolebinding', '-n', 'llm', '-o', 'name')).toContain('fairlead-credentials');
  });

  test('takes the agent with it when it is uninstalled, but no resource', async () => {
    await run('uninstall', 'fairlead');
    const said = await run('uninstall', 'fairlead-crds');

    expect(said).toContain('consumers.fairlead.dev');
    expect(await kubectl('get', 'fairlead', '-n', 'llm', '-o', 'name')).toContain('consumer.fairlead.dev/demo');
    expect(await kubectl('get', 'clusterroles,validatingadmissionpolicies', '-o', 'name')).not.toContain('fairlead');
    expect(await kubectl('get', 'deployments,leases', '-n', AGENT_NAMESPACE, '-o', 'name')).toBe('');
  });

  test('is installed again over the definitions that stayed', async () => {
    await run('install', 'fairlead-crds', CRDS);

    expect(await kubectl('get', 'consumers', '-n', 'llm', '-o', 'name')).toBe('consumer.fairlead.dev/demo\n');
  });
});
