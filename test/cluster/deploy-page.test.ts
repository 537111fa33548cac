import { spawnSync } from 'node:child_process';
import { symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readProjectFile } from '../../crds/write-generated.ts';
import { isApiServerMissing, requireProgram } from '../envtest/programs.ts';
import { startApiServer, type ApiServer } from '../support/api-server.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';

const PROJECT = new URL('../../', import.meta.url).pathname;

/** KServe's own is much larger; what stands in the example is checked where its controller runs. */
const KSERVE = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: {
    name: 'inferenceservices.serving.kserve.io',
    annotations: { 'api-approved.kubernetes.io': 'unapproved' },
  },
  spec: {
    group: 'serving.kserve.io',
    scope: 'Namespaced',
    names: {
      kind: 'InferenceService',
      listKind: 'InferenceServiceList',
      plural: 'inferenceservices',
      singular: 'inferenceservice',
    },
    versions: [
      {
        name: 'v1beta1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};

/** Of docs/deploy.md, in their order, but for those that it says are not run here. */
function commandsOf(page: string): readonly string[] {
  const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block);
  const commands = blocks.flatMap((block) => block.replaceAll('\\\n', ' ').trim().split('\n'));
  return commands.filter((command) => !/☁|📦|⏳|^git clone|^npm ci/u.test(command));
}

describe.skipIf(isApiServerMissing())('docs/deploy.md', async () => {
  const commands = commandsOf(await readProjectFile('docs/deploy.md'));
  let server: ApiServer;
  let folder: TemporaryFolder;

  beforeAll(async () => {
    [server, folder] = await Promise.all([startApiServer(), temporaryFolder()]);
    for (const name of ['deploy', 'examples']) await symlink(join(PROJECT, name), join(folder.path, name));
    await server.kubectl(['apply', '-f', '-'], JSON.stringify(KSERVE));
  });
  afterAll(async () => {
    await server?.stop();
    await folder?.dispose();
  });

  const run = (command: string) =>
    spawnSync('bash', ['--norc', '-euc', command.replace('npx fairlead', `node ${PROJECT}cli/fairlead.js`)], {
      cwd: folder.path,
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
      env: {
        PATH: [dirname(requireProgram('kubectl')), dirname(requireProgram('helm')), process.env['PATH']].join(':'),
        HOME: folder.path,
        KUBECONFIG: server.kubeconfig,
        OPENAI_API_KEY: 'sk-test',
        ACCESS_CLIENT_ID: 'id',
        ACCESS_CLIENT_SECRET: 'secret',
      },
    });

  test.each(commands)('does %s', (command) => {
    expect(run(command)).toMatchObject({ status: 0, stderr: '' });
  });

  test('leaves all that a first answer needs', () => {
    const held = ['fairlead', 'secrets,roles'].map((kinds) => run(`kubectl get ${kinds} -n llm -o name`).stdout);

    expect(held.join('').trim().split('\n').sort()).toMatchInlineSnapshot(`
      [
        "aimodel.fairlead.dev/assistant",
        "aimodel.fairlead.dev/qwen",
        "consumer.fairlead.dev/demo",
        "edgegateway.fairlead.dev/edge",
        "gatewayroute.fairlead.dev/chat",
        "gatewayroute.fairlead.dev/qwen",
        "llmprovider.fairlead.dev/openai",
        "llmprovider.fairlead.dev/qwen-tunnel",
        "role.rbac.authorization.k8s.io/fairlead-credentials",
        "secret/edge-signing-key",
        "secret/openai",
        "secret/tunnel",
      ]
    `);
  });
});
