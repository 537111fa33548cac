import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { readProjectFile } from '../../../crds/write-generated.ts';
import type { Edge } from '../../../dev/edge.ts';
import { isApiServerMissing } from '../../envtest/programs.ts';
import { startDeployGround, type DeployGround } from '../../support/deploy-ground.ts';
import { deployedPods, type DeployedPod, type DeployedPods } from '../../support/deployed-pods.ts';
import { eventually } from '../../support/eventually.ts';
import { commandsOf } from '../../support/page-commands.ts';

/** It needs a kubelet. */
const NOT_HERE = /^kubectl logs|^kubectl rollout/;

const INSTALL = [
  'npx fairlead keygen --endpoint https://llm.example.com --cluster production --namespace llm',
  'npm run deploy',
  'helm install fairlead-crds deploy/charts/fairlead-crds -n fairlead-system --create-namespace',
  'kubectl create namespace llm',
  `helm install fairlead deploy/charts/fairlead -n fairlead-system --set-json 'credentials=[{"namespace":"llm","names":["edge-signing-key","openai"]}]'`,
  'kubectl create secret generic openai -n llm --from-literal=api-key="$OPENAI_API_KEY"',
  'kubectl annotate secret openai -n llm fairlead.dev/hosts=api.openai.com',
];
const CONTENT = [
  'kubectl apply -f fairlead-keys/signing-key.yaml -f fairlead-keys/edge-gateway.yaml',
  'kubectl apply -f examples/cluster',
];
const PROGRAMMED =
  'kubectl wait -n llm --for=condition=Programmed --timeout=60s edgegateway/edge gatewayroute/chat aimodel/assistant consumer/demo';

const answer = z.object({ model: z.string() });

/** For what the API server takes a minute to let go of. */
const PATIENCE_MS = 90_000;

describe.skipIf(isApiServerMissing())('docs/operations.md, in a cluster', async () => {
  const whole = await readProjectFile('docs/operations.md');
  const page = whole.slice(whole.indexOf('\n## In a cluster\n'));
  let ground: DeployGround;
  let edge: Edge;
  let pods: DeployedPods;
  /** The one that leads, and the one that stands by. */
  let leader: DeployedPod;
  let other: DeployedPod;
  let step = 0;

  const run = async (command: string): Promise<string> => {
    const { code, out, err } = await ground.reader.run(command);
    if (code !== 0 || /error/i.test(err)) throw new Error(`${command}: ${err}`);
    return out;
  };
  const kubectl = (command: string) => ground.server.kubectl(command.split(' '));
  const leads = (pod: DeployedPod) => pod.lines.next('it to lead', ({ message }) => message === 'leading', 40_000);
  const standsBy = (pod: DeployedPod) =>
    pod.lines.next('it to stand by', ({ message }) => message === 'the cluster has been read: standing by');
  /** By which model of the provider the edge answers. */
  const answeredBy = async (): Promise<string> => {
    const response = await fetch(`${ground.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-fairlead-demo', 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'assistant', messages: [{ role: 'user', content: 'Who?' }] }),
    });
    const body: unknown = await response.json();
    return response.ok ? answer.parse(body).model : String(response.status);
  };
  const answers = (name: string) => eventually(`${name} answers`, async () => (await answeredBy()).startsWith(name));
  /** An edit whose effect can be told. */
  const edit = async (): Promise<string> => {
    const name = `step-${++step}-`;
    const patch = [{ op: 'replace', path: '/spec/backends/0/model', value: name }];
    await ground.server.kubectl([
      'patch',
      'aimodel',
      'assistant',
      '-n',
      'llm',
      '--type=json',
      '-p',
      JSON.stringify(patch),
    ]);
    return name;
  };
  const reasonOf = (what: string, type: string) =>
    ground.server.kubectl([
      'get',
      what,
      '-n',
      'llm',
      '-o',
      `jsonpath={.status.conditions[?(@.type=="${type}")].reason}`,
    ]);
  const says = (what: string, type: string, reason: string) =>
    eventually(`${what} says ${reason}`, async () => (await reasonOf(what, type)) === reason);
  const scrape = async ({ origin }: DeployedPod) => (await fetch(`${origin}/metrics`)).text();

  beforeAll(async () => {
    ground = await startDeployGround();
    for (const command of INSTALL) await run(command);
    await ground.allowThisMachine();
    edge = await ground.startEdge();
    for (const command of CONTENT) await run(command);
    pods = await deployedPods(ground.server);
    leader = await pods.start();
    await leads(leader);
    other = await pods.start();
    await standsBy(other);
    await run(PROGRAMMED);
  });
  afterEach(async ({ task }) => {
    if (task.result?.state !== 'fail') return;
    const lines = [leader, other].flatMap((pod) => pod.lines.all.slice(-8).map((line) => JSON.stringify(line)));
    process.stderr.write(`${lines.join('\n')}\nanswered by ${await answeredBy().catch(String)}\n`);
  });
  afterAll(async () => {
    await pods?.stop();
    await ground?.dispose();
  });

  test(
    'upgrade: definitions first, under which the older agent goes on, then one pod after the other',
    async () => {
      const name = 'fairlead.dev_aimodels.yaml';
      const charts = 'deploy/charts/fairlead-crds';
      const { folder } = ground.reader;
      await folder.write('next/Chart.yaml', await readFile(`${charts}/Chart.yaml`, 'utf8'));
      for (const plural of ['aimodels', 'consumers', 'edgegateways', 'gatewayroutes', 'llmproviders'])
        await folder.write(
          `next/templates/${plural}.yaml`,
          await readFile(`${charts}/templates/fairlead.dev_${plural}.yaml`, 'utf8'),
        );
      const definition = await readFile(`${charts}/templates/${name}`, 'utf8');
      const later = definition.replace(/^( +)modelName:\n/m, '$1later:\n$1  type: string\n$&');
      expect(later).not.toBe(definition);
      await folder.write('next/templates/aimodels.yaml', later);

      await run('helm upgrade fairlead-crds next -n fairlead-system');
      const before = await edit();
      await answers(before);
      await run(PROGRAMMED);
      // Whoever is ahead of the agent is told, and what was served is served.
      // The API server shows objects to watches that are open by the definition of before, for a minute at most.
      let edits = 0;
      await eventually(
        'the field is known to be one that the agent does not know',
        async () => {
          await kubectl(`patch aimodel assistant -n llm --type=merge -p {"spec":{"later":"x${++edits}"}}`);
          return (await reasonOf('aimodel/assistant', 'Accepted')) === 'Invalid';
        },
        PATIENCE_MS,
      );
      expect(await answeredBy()).toContain(before);
      await kubectl('patch aimodel assistant -n llm --type=merge -p {"spec":{"later":null}}');
      await run(PROGRAMMED);
      await run(
        'helm upgrade fairlead deploy/charts/fairlead -n fairlead-system --reset-then-reuse-values --set image.tag=0.2.0 --set agent.resyncSeconds=20',
      );
      const next = await pods.start();
      await standsBy(next);
      await other.stop();
      const published = await kubectl('get edgegateway edge -n llm -o jsonpath={.status.published.revision}');
      await leader.stop();
      expect(await leader.ended).toBe(0);
      await leads(next);
      [leader, other] = [next, await pods.start()];
      await standsBy(other);
      await run(PROGRAMMED);
      expect(await kubectl('get edgegateway edge -n llm -o jsonpath={.status.published.revision}')).toBe(published);
      await answers(await edit());
    },
    2 * PATIENCE_MS,
  );

  test('roll back: pinnedRevision goes back, and what was edited since says so, until it is taken away', async () => {
    const old = await edit();
    await answers(old);
    await run(PROGRAMMED);
    const revision = await kubectl('get edgegateway edge -n llm -o jsonpath={.status.published.revision}');
    const now = await edit();
    await answers(now);

    const [pin = '', forward = ''] = commandsOf(page, NOT_HERE).filter((command) => command.includes('pinnedRevision'));
    await run(pin.replace('9f86d081884c', revision));
    await answers(old);
    await says('aimodel/assistant', 'Programmed', 'Pinned');
    await says('edgegateway/edge', 'Programmed', 'Pinned');

    await run(forward);
    await answers(now);
    expect(await run(PROGRAMMED)).toContain('edgegateway.fairlead.dev/edge condition met');
  });

  test('suspend: the edge stays where it is until it is taken away', async () => {
    const now = await answeredBy();
    await kubectl('patch edgegateway edge -n llm --type=merge -p {"spec":{"suspend":true}}');
    await leader.lines.next('it to know', ({ message }) => message.includes('is suspended'));
    const later = await edit();
    await says('aimodel/assistant', 'Programmed', 'Suspended');
    expect(await answeredBy()).toBe(now);

    await kubectl('patch edgegateway edge -n llm --type=merge -p {"spec":{"suspend":false}}');
    await answers(later);
    await run(PROGRAMMED);
  });

  test('a right to write that is taken away is told by a metric and the log; edits go on to reach the edge', async () => {
    const backUp = await kubectl('get clusterrolebinding fairlead-reporter -o json');
    await kubectl('delete clusterrolebinding fairlead-reporter');
    await answers(await edit());
    await eventually('a metric tells', async () => samplesOf(await scrape(leader), FORBIDDEN_WRITES).length > 0);
    expect(leader.lines.all.some(({ message }) => message === 'status cannot be written')).toBe(true);
    await ground.server.kubectl(['create', '-f', '-'], withoutVersion(backUp));
  });

  test('rights to read that are taken away empty nothing', async () => {
    const backUp = await kubectl('get clusterrolebinding fairlead-reader -o json');
    await kubectl('delete clusterrolebinding fairlead-reader');
    const before = await answeredBy();
    // Watches that were opened before live on for minutes; one that starts now has had none, and waits.
    const blind = await pods.start();
    await blind.lines.next('it to wait for its rights', ({ message }) => message.startsWith('waiting: '));
    await blind.kill();
    await leader.kill();
    expect(await answeredBy()).toBe(before);
    await edit();
    await ground.server.kubectl(['create', '-f', '-'], withoutVersion(backUp));
    await leads(other);
    await answers(`step-${step}-`);
    [leader, other] = [other, await pods.start()];
    await standsBy(other);
  });

  test('kubectl delete crd is no way to empty an edge; the chart brings it back', async () => {
    const before = await answeredBy();
    await kubectl('delete crd aimodels.fairlead.dev consumers.fairlead.dev');
    await eventually('it says so', () => leader.lines.all.some(({ message }) => message.includes('is lost')));
    expect(await answeredBy()).toBe(before);
    await run('helm upgrade fairlead-crds deploy/charts/fairlead-crds -n fairlead-system');
    await run('kubectl apply -f examples/cluster');
    await answers('gpt-5-mini');
    await run(PROGRAMMED);
  });

  test('every metric and label of the alerts is there', async () => {
    await edge.stop();
    const lost = await edit();
    await says('edgegateway/edge', 'Programmed', 'PublishFailed');
    const metrics = await scrape(leader);
    await edge.start();
    await answers(lost);

    // The one of writes that are forbidden has its own test above.
    const expressions = expressionsOf(page).filter((expression) => !expression.includes('code="403"'));
    expect(expressions).toHaveLength(5);
    expect(expressions.filter((expression) => samplesOf(metrics, expression).length === 0)).toEqual([]);
  });

  test('deleted with Retain, the edge goes on; deleted with Evict, it has nothing more of this cluster', async () => {
    const before = await answeredBy();
    const gateway = await kubectl('get edgegateway edge -n llm -o json');
    await kubectl('delete edgegateway edge -n llm --timeout=20s');
    await says('gatewayroute/chat', 'Accepted', 'NoMatchingParent');
    expect(await answeredBy()).toBe(before);
    await ground.server.kubectl(['create', '-f', '-'], withoutVersion(gateway));
    await run(PROGRAMMED);

    await kubectl('patch edgegateway edge -n llm --type=merge -p {"spec":{"deletionPolicy":"Evict"}}');
    await eventually('it holds it', async () =>
      (await kubectl('get edgegateway edge -n llm -o jsonpath={.metadata.finalizers}')).includes('fairlead.dev/edge'),
    );
    await kubectl('delete edgegateway edge -n llm --timeout=30s');
    await eventually('nothing is served', async () => (await answeredBy()) === '503');
    await run(CONTENT[0] ?? '');
    await run(PROGRAMMED);
  });

  test('its commands do what they say, down to the last', async () => {
    await run('kubectl apply -f examples/cluster/gpu/2-connection.yaml -f examples/cluster/gpu/3-model.yaml');
    for (const command of commandsOf(page, NOT_HERE)) await run(command);
    expect(await kubectl('get crds,clusterroles,validatingadmissionpolicies -o name')).not.toContain('fairlead');
  });
});

const FORBIDDEN_WRITES = 'rest_client_requests_total{code="403",method!="GET"}';

function expressionsOf(page: string): readonly string[] {
  const table = page.slice(page.indexOf('\n### Metrics and alerts\n'), page.indexOf('\n### Uninstall\n'));
  return [...table.matchAll(/^\| `([^`]+)`/gm)].map(([, expression = '']) => expression);
}

/** The samples that the selectors of an expression choose, of all metrics that it names. */
function samplesOf(metrics: string, expression: string): readonly string[] {
  const selectors = [...expression.matchAll(/\b([a-z]+_[a-z_]+)\b(?!\()(?:\{([^}]*)\})?/g)];
  const lists = selectors
    .filter(([, name = '']) => !['histogram_quantile'].includes(name))
    .map(([, name = '', labels = '']) => {
      const matchers = labels.split(',').filter((label) => label !== '');
      return metrics
        .split('\n')
        .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
        .filter((line) =>
          matchers.every((matcher) =>
            matcher.includes('!=') ? !line.includes(matcher.replace('!=', '=')) : line.includes(matcher),
          ),
        );
    });
  return lists.some((list) => list.length === 0) ? [] : lists.flat();
}

function withoutVersion(json: string): string {
  const { metadata, status: _status, ...rest } = z.looseObject({ metadata: z.looseObject({}) }).parse(JSON.parse(json));
  const { resourceVersion: _version, uid: _uid, ...kept } = metadata;
  return JSON.stringify({ ...rest, metadata: kept });
}
