import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { readProjectFile } from '../../../crds/write-generated.ts';
import { isApiServerMissing } from '../../envtest/programs.ts';
import { AGENT_NAMESPACE, AGENT_USER } from '../../support/chart.ts';
import { PROVIDER_KEY, startDeployGround, type DeployGround } from '../../support/deploy-ground.ts';
import { deployedPods, type DeployedPod, type DeployedPods } from '../../support/deployed-pods.ts';
import { eventually } from '../../support/eventually.ts';
import { fakeKServe } from '../../support/inference-objects.ts';
import { commandsOf } from '../../support/page-commands.ts';

/** Of these the page says that nobody tries them. */
const NOT_HERE = /📦|⏳|^git clone|^npm ci|^npx wrangler/u;

/** What the outcome of commands shows, by their beginning. */
const SIGHTS: Readonly<Record<string, string>> = {
  'curl -s https://llm.example.com/healthz': '"starting"',
  'curl -s https://llm.example.com/v1': '"choices"',
  'kubectl get edgegateways': 'https://llm.example.com',
  'kubectl wait': 'consumer.fairlead.dev/demo condition met',
};

describe.skipIf(isApiServerMissing())('docs/deploy.md', async () => {
  const commands = commandsOf(await readProjectFile('docs/deploy.md'), NOT_HERE);
  let ground: DeployGround;
  let pods: DeployedPods;
  const running: DeployedPod[] = [];

  beforeAll(async () => {
    ground = await startDeployGround();
  });
  afterAll(async () => {
    await pods?.stop();
    await ground?.dispose();
  });

  const kubectl = (command: string) => ground.server.kubectl(command.split(' '));
  const ofReferences = (what: string, field: 'reason' | 'message') =>
    kubectl(`get ${what} -n llm -o jsonpath={.status.conditions[?(@.type=="ResolvedRefs")].${field}}`);
  const commandFrom = async (what: string) =>
    /run: (kubectl .*)$/.exec(await ofReferences(what, 'message'))?.[1] ?? 'echo there is no command >&2';
  const refusedTo = async (user: string) => [
    ...new Set((await ground.server.refusedTo(user)).map((request) => request.replace(/\?.*/, ''))),
  ];

  /** What others do meanwhile, by the beginning of the command that they do it after. */
  const meanwhile: Readonly<Record<string, () => Promise<void>>> = {
    'npx fairlead keygen --endpoint': () => ground.allowThisMachine(),
    'npm run deploy': async () => {
      await ground.startEdge();
    },
    'helm install fairlead deploy': async () => {
      pods = await deployedPods(ground.server);
      for (let i = 0; i < 2; i++) running.push(await pods.start());
      for (const { lines } of running)
        await lines.next('it to stand by', ({ message }) => message === 'the cluster has been read: standing by');
    },
    'kubectl apply -f examples/cluster/gpu': async () => {
      const kserve = fakeKServe(ground.server, { namespace: 'llm', name: 'qwen', url: ground.gpus.url });
      await kserve.endpoints(true);
      await kserve.status('True');
    },
  };

  test.each(commands)('does %s', async (command) => {
    const { code, out, err } = await ground.reader.run(command);

    expect({ code, err }).toEqual({ code: 0, err: '' });
    const [, sight = ''] = Object.entries(SIGHTS).find(([start]) => command.startsWith(start)) ?? [];
    expect(out).toContain(ground.here(sight));
    for (const [start, happen] of Object.entries(meanwhile)) if (command.startsWith(start)) await happen();
  });

  test('leaves a model that the own GPUs answer for', async () => {
    await kubectl('wait -n llm --for=jsonpath={.status.deploymentStatus}=Ready --timeout=30s aimodel/qwen');
    await kubectl('wait -n llm --for=condition=ResolvedRefs --timeout=30s aimodel/qwen');
    await kubectl('wait -n llm --for=condition=Programmed --timeout=30s aimodel/qwen gatewayroute/qwen');
    const url = await kubectl('get aimodel qwen -n llm -o jsonpath={.status.inferenceServiceURL}');
    expect(url).toContain(new URL(ground.gpus.url).host);
  });

  test('leaves nothing refused to the agent but the Secrets of a whole namespace, which it asks for by design', async () => {
    expect(await refusedTo(AGENT_USER)).toEqual(['watch /api/v1/namespaces/llm/secrets']);
    for (const { lines } of running) expect(lines.all.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('a Secret that no values name is denied with a command, and the command is all that it takes', async () => {
    await applyAnother(ground);
    await eventually(
      'it says so',
      async () => (await ofReferences('llmprovider/other', 'reason')) === 'SecretAccessDenied',
    );

    expect(await ground.reader.run(await commandFrom('llmprovider/other'))).toMatchObject({ code: 0, err: '' });

    await kubectl('wait -n llm --for=condition=Programmed --timeout=60s llmprovider/other aimodel/other');
  });

  test('another release, for this namespace alone, takes its place; what its owner allows is asked for under its name', async () => {
    const { reader, server } = ground;
    await Promise.all(running.map((pod) => pod.stop()));
    const credentials = JSON.stringify([{ namespace: 'llm', names: ['edge-signing-key', 'openai'] }]);
    const values = `--set nameOverride=narrow --set watchNamespaces={llm} --set-json 'credentials=${credentials}'`;
    for (const command of [
      'helm uninstall fairlead -n fairlead-system',
      'kubectl delete rolebinding fairlead-secret-reader -n llm',
      `helm install fairlead deploy/charts/fairlead -n fairlead-system ${values}`,
    ])
      expect(await reader.run(command)).toMatchObject({ code: 0 });
    const narrow = await deployedPods(server, 'narrow');
    onTestFinished(() => narrow.stop());
    const { lines } = await narrow.start();
    await lines.next('it to lead', ({ message }) => message === 'leading');
    await eventually('it says so', async () =>
      (await ofReferences('llmprovider/other', 'message')).includes('--clusterrole=narrow-secret-reader'),
    );

    expect(await reader.run(await commandFrom('llmprovider/other'))).toMatchObject({ code: 0, err: '' });

    await kubectl(
      'wait -n llm --for=condition=Programmed --timeout=60s llmprovider/other aimodel/other edgegateway/edge',
    );
    const user = `system:serviceaccount:${AGENT_NAMESPACE}:narrow`;
    expect(await refusedTo(user)).toEqual(['watch /api/v1/namespaces/llm/secrets']);
    expect(lines.all.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

/** A provider with a key that no values name, and a model that ships it. */
async function applyAnother({ server, reader, vendorHost }: DeployGround): Promise<void> {
  const values = `--from-literal=api-key=${PROVIDER_KEY}`;
  await server.kubectl(['create', 'secret', 'generic', 'other', '-n', 'llm', values]);
  await server.kubectl(['annotate', 'secret', 'other', '-n', 'llm', `fairlead.dev/hosts=${vendorHost}`]);
  for (const file of ['1-provider', '2-model']) {
    const text = await readFile(join(reader.folder.path, `examples/cluster/${file}.yaml`), 'utf8');
    const other = text.replaceAll(/(name: )(?:openai|assistant)$/gim, '$1other');
    await server.kubectl(['apply', '-f', '-'], other);
  }
  const spec = { models: [{ name: 'assistant' }, { name: 'other' }] };
  const patch = JSON.stringify({ spec });
  await server.kubectl(['patch', 'gatewayroute', 'chat', '-n', 'llm', '--type=merge', '-p', patch]);
}
