import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readProjectFile } from '../../crds/write-generated.ts';
import { isApiServerMissing } from '../envtest/programs.ts';
import { startApiServer, type ApiServer } from '../support/api-server.ts';
import { commandsOf, pageReader, type PageReader } from '../support/page-commands.ts';
import { EDGE } from './kubectl-page-resources.ts';

/** They need a worker to deploy, or a pod that runs. */
const NOT_HERE = /^npm run deploy|^kubectl rollout|^kubectl logs|^kubectl get lease/;

describe.skipIf(isApiServerMissing())('docs/operations.md, in a cluster', async () => {
  const page = await readProjectFile('docs/operations.md');
  const commands = commandsOf(page.slice(page.indexOf('\n## In a cluster\n')), NOT_HERE);
  let server: ApiServer;
  let reader: PageReader;

  beforeAll(async () => {
    server = await startApiServer();
    reader = await pageReader(server);
    const installed = [
      'helm install fairlead-crds deploy/charts/fairlead-crds -n fairlead-system --create-namespace',
      'helm install fairlead deploy/charts/fairlead -n fairlead-system',
      'kubectl create namespace llm',
      'kubectl apply -f examples/cluster -f examples/cluster/gpu/3-model.yaml',
    ].map((command) => reader.run(command));
    const failed = installed.find(({ status }) => status !== 0);
    if (failed) throw new Error(failed.stderr);
    await server.kubectl(['apply', '-f', '-'], JSON.stringify(EDGE));
  });
  afterAll(async () => {
    await reader?.dispose();
    await server?.stop();
  });

  test.each(commands)('does %s', (command) => {
    expect(reader.run(command)).toMatchObject({ status: 0, stderr: expect.not.stringMatching(/error|warning/i) });
  });

  test('leaves nothing of it in the cluster', () => {
    expect(reader.run('kubectl get crds,clusterroles,validatingadmissionpolicies -o name').stdout).not.toContain(
      'fairlead',
    );
  });
});
