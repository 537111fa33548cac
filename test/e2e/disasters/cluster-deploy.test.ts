import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
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
  let vendor: Simulator;
  let gpus: Simulator;
  let reader: PageReader;
  let pods: DeployedPods;
  let edge: Edge | undefined;
  let kserve: FakeKServe;
  const running: DeployedPod[] = [];

  beforeAll(async () => {
    [server, vendor, gpus, port] = await Promise.all([
      startApiServer({ audit: true }),
      startSimulator({ pace: instantPace, apiKey: PROVIDER_KEY }),
      startSimulator({ pace: instantPace, models: ['qwen'] }),
      findFreePort(),
    ]);
    await server.kubectl(['apply', '--server-side', '-f', 'test/envtest/crds']);
    reader = await pageReader(server, {
      edit: (text) => here(text, { edge: `http://127.0.0.1:${port}`, vendor: vendor.url, gpus: gpus.url }),
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
    await Promise.all([edge?.dispose(), server?.stop(), vendor?.close(), gpus?.close()]);
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
      kserve = fakeKServe(server, { namespace: 'llm', name: 'qwen', url: gpus.url });
      await kserve.endpoints(true);
      await kserve.status('True');
    },
  };

  test.each(commands)('does %s', async (command) => {
    const { code, out, err } = await reader.run(command);

    expect({ code, err }, out).toEqual({ code: 0, err: '' });
    for (const [start, sight] of Object.entries(SIGHTS))
      if (command.startsWith(start))
        expect(out).toContain(here(sight, { edge: `http://127.0.0.1:${port}`, vendor: vendor.url, gpus: gpus.url }));
    for (const [start, happen] of Object.entries(meanwhile)) if (command.startsWith(start)) await happen();
  });

  const kubectl = (command: string) => server.kubectl(command.split(' '));
  const reasonOf = (what: string) =>
    kubectl(`get ${what} -n llm -o jsonpath={.status.conditions[?(@.type=="ResolvedRefs")].reason}`);
  const messageOf = (what: string) =>
    kubectl(`get ${what} -n llm -o jsonpath={.status.conditions[?(@.type=="ResolvedRefs")].message}`);

  test('leaves a model that the own GPUs answer for', async () => {
    await kubectl('wait -n llm --for=jsonpath={.status.deploymentStatus}=Ready --timeout=30s aimodel/qwen');
    await kubectl('wait -n llm --for=condition=ResolvedRefs --timeout=30s aimodel/qwen');
    await kubectl(
      'wait -n llm --for=condition=Programmed --timeout=30s aimodel/qwen gatewayroute/qwen llmprovider/openai',
    );
  });

  test('leaves nothing refused to the agent but the Secrets of a whole namespace, which it asks for by design', async () => {
    expect([...new Set((await server.refusedTo(AGENT_USER)).map(withoutChance))]).toEqual([
      'watch /api/v1/namespaces/llm/secrets',
    ]);
    for (const { lines } of running) expect(lines.all.filter(({ level }) => level === 'error')).toEqual([]);
  });

  /** A provider with a key that no values name, and a model that ships it. */
  const another = async (): Promise<void> => {
    const key = ['create', 'secret', 'generic', 'other', '-n', 'llm', `--from-literal=api-key=${PROVIDER_KEY}`];
    await server.kubectl(key);
    await kubectl(`annotate secret other -n llm fairlead.dev/hosts=${new URL(vendor.url).host}`);
    for (const file of ['1-provider', '2-model'] as const) {
      const text = await readFile(join(reader.folder.path, `examples/cluster/${file}.yaml`), 'utf8');
      const renamed = text
        .replaceAll(/(name: )(openai|assistant)$/gim, '$1other')
        .replace('modelName: assistant', 'modelName: other');
      await server.kubectl(['apply', '-f', '-'], renamed);
    }
    const models = JSON.stringify({ spec: { models: [{ name: 'assistant' }, { name: 'other' }] } });
    await server.kubectl(['patch', 'gatewayroute', 'chat', '-n', 'llm', '--type=merge', '-p', models]);
  };

  test('a Secret that no values name is denied with a command, and the command is all that it takes', async () => {
    await another();
    await eventually('it says so', async () => (await reasonOf('llmprovider/other')) === 'SecretAccessDenied');

    const [, command = ''] = /run: (kubectl .*)$/.exec(await messageOf('llmprovider/other')) ?? [];
    expect(await reader.run(command)).toMatchObject({ code: 0, err: '' });

    await kubectl('wait -n llm --for=condition=Programmed --timeout=60s llmprovider/other aimodel/other');
  });

  test('another release, for this namespace alone, takes its place; what its owner allows is asked for under its name', async () => {
    const values = `--set nameOverride=narrow --set watchNamespaces={llm} --set-json 'credentials=[{"namespace":"llm","names":["edge-signing-key","openai"]}]'`;
    await Promise.all(running.map((pod) => pod.stop()));
    const commands = [
      'helm uninstall fairlead -n fairlead-system',
      'kubectl delete rolebinding fairlead-secret-reader -n llm',
      `helm install fairlead deploy/charts/fairlead -n fairlead-system ${values}`,
    ];
    for (const command of commands) expect(await reader.run(command)).toMatchObject({ code: 0 });
    const narrow = await deployedPods(server, 'narrow');
    onTestFinished(() => narrow.stop());
    const pod = await narrow.start();
    await pod.lines.next('it to lead', ({ message }) => message === 'leading');
    await eventually('it says so', async () =>
      (await messageOf('llmprovider/other')).includes('=narrow-secret-reader'),
    );
    await kubectl('wait -n llm --for=condition=ResolvedRefs=False --timeout=30s llmprovider/qwen-tunnel');

    const [, command = ''] = /run: (kubectl .*)$/.exec(await messageOf('llmprovider/other')) ?? [];
    expect(await reader.run(command)).toMatchObject({ code: 0, err: '' });

    await kubectl(
      'wait -n llm --for=condition=Programmed --timeout=60s llmprovider/other aimodel/other edgegateway/edge',
    );
    const user = `system:serviceaccount:${AGENT_NAMESPACE}:narrow`;
    const refused = [...new Set((await server.refusedTo(user)).map(withoutChance))];
    expect(refused).toEqual(['watch /api/v1/namespaces/llm/secrets']);
    expect(pod.lines.all.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

/** What the outcome of commands shows, by their beginning. */
const SIGHTS: Readonly<Record<string, string>> = {
  'curl -s https://llm.example.com/healthz': '"starting"',
  'curl -s https://llm.example.com/v1': '"choices"',
  'kubectl get edgegateways': 'https://llm.example.com',
  'kubectl wait': 'consumer.fairlead.dev/demo condition met',
};

function withoutChance(request: string): string {
  return request.replace(/\?.*/, '');
}

/** What leads elsewhere leads to this machine, and what has no end ends. */
function here(text: string, { edge, vendor, gpus }: Readonly<Record<'edge' | 'vendor' | 'gpus', string>>): string {
  return text
    .replaceAll('https://llm.example.com', edge)
    .replaceAll('https://api.openai.com/v1', `${vendor}/v1`)
    .replaceAll('https://qwen.gpu.example.com/openai/v1', `${gpus}/v1`)
    .replaceAll('api.openai.com', new URL(vendor).host)
    .replaceAll('qwen.gpu.example.com', new URL(gpus).host)
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
  return startEdge({
    port,
    script: await read('worker/index.js'),
    vars: () => ({ ...secrets, FAIRLEAD_LOCAL: 'true' }),
  });
}
