import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readProjectFile } from '../../crds/write-generated.ts';
import { isApiServerMissing } from '../envtest/programs.ts';
import { startApiServer, type ApiServer } from '../support/api-server.ts';
import { commandsOf, pageReader, type PageReader } from '../support/page-commands.ts';

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

describe.skipIf(isApiServerMissing())('docs/deploy.md', async () => {
  // Those that the page itself says are not run here.
  const commands = commandsOf(await readProjectFile('docs/deploy.md'), /☁|📦|⏳|^git clone|^npm ci/u);
  let server: ApiServer;
  let reader: PageReader;

  beforeAll(async () => {
    server = await startApiServer();
    reader = await pageReader(server, {
      OPENAI_API_KEY: 'sk-test',
      ACCESS_CLIENT_ID: 'id',
      ACCESS_CLIENT_SECRET: 'secret',
    });
    await server.kubectl(['apply', '-f', '-'], JSON.stringify(KSERVE));
  });
  afterAll(async () => {
    await reader?.dispose();
    await server?.stop();
  });

  test.each(commands)('does %s', (command) => {
    expect(reader.run(command)).toMatchObject({ status: 0, stderr: '' });
  });

  test('leaves all that a first answer needs', () => {
    const held = ['fairlead', 'secrets,roles'].map((kinds) => reader.run(`kubectl get ${kinds} -n llm -o name`).stdout);

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
