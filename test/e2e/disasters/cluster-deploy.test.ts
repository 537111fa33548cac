import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { readProjectFile } from '../../../crds/write-generated.ts';
import { startEdge, type Edge } from '../../../dev/edge.ts';
import { findFreePort } from '../../../dev/find-free-port.ts';
import { instantPace } from '../../../dev/simulator/pace.ts';
import { startSimulator, type Simulator } from '../../../dev/simulator/server.ts';
import { isApiServerMissing } from '../../envtest/programs.ts';
import { startApiServer, type ApiServer } from '../../support/api-server.ts';
import { AGENT_NAMESPACE, AGENT_USER } from '../../support/chart.ts';
import { deployedPods, type DeployedPod, type DeployedPods } from '../../support/deployed-pods.ts';
import { eventually } from '../../support/eventually.ts';
import { fakeKServe, type FakeKServe } from '../../support/inference-objects.ts';
import { commandsOf, pageReader, type PageReader } from '../../support/page-commands.ts';

/** Of these the page says that nobody tries them here. */
const NOT_HERE = /📦|^git clone|^npm ci|^npx wrangler login|^npx wrangler delete/u;
const PROVIDER_KEY = 'sk-of-the-provider';

describe.skipIf(isApiServerMissing())('docs/deploy.md', async () => {
  const commands = commandsOf(await readProjectFile('docs/deploy.md'), NOT_HERE);
  let port: number;
  let server: ApiServer;
  let simulator: Simulator;
  let reader: PageReader;
  let pods: DeployedPods;
  let edge: Edge | undefined;
  let kserve: FakeKServe;
  const running: DeployedPod[] = [];

  beforeAll(async () => {
    [server, simulator, port] = await Promise.all([
      startApiServer({ audit: true }),
      startSimulator({ pace: instantPace, apiKey: PROVIDER_KEY, models: ['qwen'] }),
      findFreePort(),
    ]);
    await server.kubectl(['apply', '--server-side', '-f', 'test/envtest/crds']);
    reader = await pageReader(server, {
      edit: (text) => here(text, `http://127.0.0.1:${port}`, simulator.url),
      variables: {
        OPENAI_API_KEY: PROVIDER_KEY,
        ACCESS_CLIENT_ID: 'id',
        ACCESS_CLIENT_SECRET: 'secret',
        FAIRLEAD_KEY: 'sk-fairlead-demo',
      },
    });
  });
  afterAll(async () => {
    await pods?.stop();
    await Promise.all([edge?.dispose(), server?.stop(), simulator?.close()]);
    await reader?.dispose();
  });

  const startPods = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) running.push(await pods.start());
    for (const pod of running.slice(-count))
      await pod.lines.next('it to stand by', ({ message }) => message === 'the cluster has been read: standing by');
  };

  /** What others do meanwhile, by the beginning of the command that they do it after. */
  const meanwhile: Readonly<Record<string, () => Promise<void>>> = {
    'npx fairlead keygen --endpoint': () => allowThisMachine(reader),
    'npm run deploy': async () => {
      edge = await deployed(reader, port);
    },
    'helm install fairlead deploy': async () => {
      pods = await deployedPods(server);
      await startPods(2);
    },
    'kubectl apply -f examples/cluster/gpu': async () => {
      kserve = fakeKServe(server, { namespace: 'llm', name: 'qwen', url: simulator.url });
      await kserve.endpoints(true);
      await kserve.status('True');
    },
  };

  test.each(commands)('does %s', async (command) => {
    const { code, out, err } = await reader.run(command);

    expect({ code, err }, out).toEqual({ code: 0, err: '' });
    for (const [start, happen] of Object.entries(meanwhile)) if (command.startsWith(start)) await happen();
  });
});

/** What leads elsewhere leads to this machine, and what has no end ends. */
function here(text: string, edge: string, simulator: string): string {
  return text
    .replaceAll('https://llm.example.com', edge)
    .replaceAll('https://api.openai.com/v1', `${simulator}/v1`)
    .replaceAll('https://qwen.gpu.example.com/openai/v1', `${simulator}/v1`)
    .replaceAll(/api\.openai\.com|qwen\.gpu\.example\.com/g, new URL(simulator).host)
    .replace('npm run deploy -- ', 'npm run deploy -- --dry-run --outdir "$PWD/worker" ')
    .replace('--secrets-file ', '--secrets-file "$PWD"/')
    .replace(/^kubectl rollout status/, 'kubectl get')
    .replace(/ -w\b/, '');
}

/** An edge does not call private addresses unless its EdgeGateway says so. */
async function allowThisMachine({ folder }: PageReader): Promise<void> {
  const file = 'fairlead-keys/edge-gateway.yaml';
  const shape = z.looseObject({ spec: z.looseObject({}) });
  const gateway = shape.parse(parse(await readFile(join(folder.path, file), 'utf8')));
  const allowed = [{ name: 'local', namespaces: { type: 'All' }, privateAddresses: true, plainText: true }];
  await folder.write(file, stringify({ ...gateway, spec: { ...gateway.spec, allowed } }));
}

/** What wrangler would have uploaded, in workerd. */
async function deployed({ folder }: PageReader, port: number): Promise<Edge> {
  const read = (file: string) => readFile(join(folder.path, file), 'utf8');
  const secrets = z.record(z.string(), z.string()).parse(JSON.parse(await read('fairlead-keys/worker-secrets.json')));
  return startEdge({ port, script: await read('worker/index.js'), vars: () => ({ ...secrets, FAIRLEAD_LOCAL: 'true' }) });
}
