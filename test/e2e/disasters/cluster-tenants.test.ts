import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { instantPace } from '../../../dev/simulator/pace.ts';
import { startSimulator, type Simulator } from '../../../dev/simulator/server.ts';
import { findFreePort } from '../../../dev/find-free-port.ts';
import { isApiServerMissing } from '../../envtest/programs.ts';
import { renderChart } from '../../support/chart.ts';
import { eventually } from '../../support/eventually.ts';
import { fakeKServe } from '../../support/inference-objects.ts';
import { startKubernetesWorld, type KubernetesWorld } from '../../support/kubernetes-world.ts';
import { publishedTable } from '../../support/published-table.ts';
import { ATTEMPTS, CANARY, KEYS } from '../../support/tenant-attempts.ts';
import {
  consumer,
  type Fields,
  grantKind,
  isAllowance,
  keyOf,
  model,
  names,
  namespace,
  provider,
  route,
  secret,
} from '../../support/tenant-objects.ts';

describe.skipIf(isApiServerMissing())('a namespace that may not use what is another’s', () => {
  let world: KubernetesWorld;
  let pods: Simulator;
  let metricsAt = '';

  beforeAll(async () => {
    [world, pods] = await Promise.all([
      startKubernetesWorld(),
      startSimulator({ pace: instantPace, models: ['llama'] }),
    ]);
    await world.installKServe();
    await apply(grantKind, ...['team-a', 'team-b', 'team-c'].map(namespace));
    await world.api.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
    const service = fakeKServe(world.api, { namespace: 'team-a', name: 'llama', url: pods.url });
    await service.apply();
    await world.api.kubectl(['label', 'inferenceservice', 'llama', '-n', 'team-a', 'team=a']);
    await service.endpoints(true);
    await service.status('True');
    await apply(
      ...Object.entries(KEYS).map(([team, key]) => consumer(`team-${team}`, 'caller', key)),
      secret('team-a', 'upstream', CANARY, new URL(world.simulator.url).host),
      provider('team-a', 'upstream', { baseURL: `${pods.url}/v1`, ...keyOf('upstream') }),
      model('team-a', 'llama', 'a-llama', { type: 'InferenceService', inferenceServiceRef: { name: 'llama' } }),
      model('team-a', 'shared', 'b-shared', { type: 'InferenceService', inferenceServiceRef: { name: 'llama' } }),
      route('team-a', 'all', { models: [{ name: 'llama' }] }),
    );
    await allow();
    const port = await findFreePort();
    metricsAt = `127.0.0.1:${port}`;
    const flags = ['--http-address', metricsAt, '--log-level', 'debug'];
    world.startAgent({ resyncSeconds: 1, flags });
    await answers('a-llama', KEYS.a);
  });
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') process.stderr.write(`${world.describeFailure()}\n`);
  });
  afterAll(async () => {
    await world?.dispose();
    await pods?.close();
  });

  const apply = async (...objects: readonly object[]): Promise<void> =>
    world.apply(objects.map((object) => JSON.stringify(object)).join('\n---\n'));
  /** Sets `spec.allowed` of the EdgeGateway: three teams, and what is granted beyond. */
  const allow = async (...more: readonly object[]): Promise<void> => {
    const open = { privateAddresses: true, plainText: true };
    const allowed = [
      { name: 'own', namespaces: { type: 'Same' }, ...open },
      ...['a', 'b'].map((team) => ({ ...names(`team-${team}`), modelNames: [`${team}-*`], ...open })),
      { ...names('team-c'), modelNames: ['c-*'], hostnames: ['c.example.com'] },
      ...more,
    ];
    await gateway({ allowed });
  };
  const gateway = async (spec: Fields): Promise<void> => {
    const target = ['edgegateway', 'edge', '-n', 'default'];
    await world.api.kubectl(['patch', ...target, '--type=merge', '-p', JSON.stringify({ spec })]);
  };
  const ask = (model: string, key: string, host?: string): Promise<{ status: number; body: string }> =>
    new Promise((resolve, reject) => {
      const headers = {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        ...(host !== undefined && { host }),
      };
      const call = request(`${world.edge.url}/v1/chat/completions`, { method: 'POST', headers }, (response) => {
        text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
      });
      call.once('error', reject);
      call.end(JSON.stringify({ model, messages: [{ role: 'user', content: 'Are you there?' }] }));
    });
  const answers = (model: string, key: string, host?: string) =>
    eventually(`${model} answers`, async () => (await ask(model, key, host)).status === 200);
  /** `type status reason` and the message of a condition that is not True. */
  const fault = async (resource: string, type: string): Promise<string> => {
    const path = `jsonpath={range .status.conditions[?(@.type=="${type}")]}{.type} {.status} {.reason}: {.message}{end}`;
    const [what = '', namespace = ''] = resource.split('@');
    return world.api.kubectl(['get', what, '-n', namespace, '-o', path]);
  };
  /** Everything that was applied by now has been published, or left out. */
  const settled = async (): Promise<void> => {
    const step = ++marker;
    await world.write(step);
    await eventually('what was applied before is published', async () =>
      (await publishedTable(world.edgeUnderTest.cluster)).includes(`"step-${step}"`),
    );
  };
  let marker = 0;

  test.each(ATTEMPTS)('%s', async (_, attempt) => {
    const {
      objects,
      about,
      condition,
      message = '',
      model,
      status = 404,
      key = KEYS.b,
      host,
      absent,
      granted,
    } = attempt(pods.url);
    await apply(...objects);
    const [type = ''] = condition.split(' ');
    await eventually(`${about} has ${condition}`, async () => (await fault(about, type)).startsWith(condition));
    expect(await fault(about, type)).toContain(message);
    await settled();
    expect(await publishedTable(world.edgeUnderTest.cluster)).not.toContain(absent);
    await eventually(`${model} gets ${status}`, async () => (await ask(model, key, host)).status === status);
    if (!granted) return;
    const allowance = granted.filter(isAllowance);
    if (allowance.length > 0) await allow(...allowance.map((one) => one.allowed));
    const rest = granted.filter((one) => !isAllowance(one));
    if (rest.length > 0) await apply(...rest);
    await answers(model, key, host);
    await allow();
  });

  test('is no consumer of its routes, until they let its consumers in', async () => {
    expect((await ask('a-llama', KEYS.b)).status).toBe(404);
    await apply(
      route('team-a', 'all', {
        models: [{ name: 'llama' }],
        allowedConsumers: { type: 'Namespaces', namespaces: ['team-a', 'team-b'] },
      }),
    );
    await answers('a-llama', KEYS.b);
    await apply(route('team-a', 'all', { models: [{ name: 'llama' }] }));
    await eventually('it is shut again', async () => (await ask('a-llama', KEYS.b)).status === 404);
  });

  test('takes no key of its consumers: the older keeps it', async () => {
    await apply(consumer('team-b', 'thief-key', KEYS.a));
    await eventually('the younger is told', async () =>
      (await fault('consumer/thief-key@team-b', 'Accepted')).startsWith('Accepted False Conflicted'),
    );
    await settled();
    expect(await publishedTable(world.edgeUnderTest.cluster)).not.toContain('thief-key');
    await answers('a-llama', KEYS.a);
  });

  test('has nothing discovered under a name that it may not claim, and is told so in the status of the EdgeGateway', async () => {
    const thief = fakeKServe(world.api, { namespace: 'team-b', name: 'thief-found', url: pods.url });
    await thief.apply();
    await world.api.kubectl(['label', 'inferenceservice', 'thief-found', '-n', 'team-b', 'publish=true']);
    await thief.endpoints(true);
    await thief.status('True');
    const discovery = { name: 'all', labelSelector: { matchLabels: { publish: 'true' } } };
    await gateway({ discovery: [{ ...discovery, modelNameTemplate: 'a-{model}' }] });
    const told = () =>
      world.api.kubectl(['get', 'edgegateway', 'edge', '-n', 'default', '-o', 'jsonpath={.status.discovered}']);
    await eventually('it is told', async () =>
      (await told()).includes('does not allow the namespace team-b the model name'),
    );
    await settled();
    expect(await publishedTable(world.edgeUnderTest.cluster)).not.toContain('thief-found');

    await gateway({ discovery: [{ ...discovery, modelNameTemplate: 'b-{name}' }] });
    await answers('b-thief-found', KEYS.b);
    expect((await ask('b-thief-found', KEYS.a)).status).toBe(404);
    await gateway({ discovery: [] });
  });

  test('reaches no service of it by a name that clusterAccess makes an address of', async () => {
    // Whoever comes later to an address, by whichever name, does not get there.
    const twin = fakeKServe(world.api, { namespace: 'team-b', name: 'llama', url: pods.url });
    const dotted = fakeKServe(world.api, { namespace: 'team-b', name: 'llama.team-a', url: pods.url });
    for (const service of [twin, dotted]) {
      await service.apply();
      await service.endpoints(true);
      await service.status('True');
    }
    await apply(
      model('team-b', 'thief-twin', 'b-twin', { type: 'InferenceService', inferenceServiceRef: { name: 'llama' } }),
      model('team-b', 'thief-dots', 'b-dots', {
        type: 'InferenceService',
        inferenceServiceRef: { name: 'llama.team-a' },
      }),
      route('team-b', 'thief-access', { models: [{ name: 'thief-twin' }, { name: 'thief-dots' }] }),
    );
    await gateway({ clusterAccess: { baseURL: 'https://{name}.gpu.example.com' } });
    await eventually('the younger of one address is told', async () =>
      (await fault('aimodel/thief-twin@team-b', 'Accepted')).startsWith('Accepted False Conflicted'),
    );
    await eventually('a name with dots is told', async () =>
      (await fault('aimodel/thief-dots@team-b', 'ResolvedRefs')).includes('because of its name'),
    );
    await settled();
    const table = await publishedTable(world.edgeUnderTest.cluster);
    for (const absent of ['thief-twin', 'thief-dots']) expect(table).not.toContain(absent);
    expect(table).not.toContain('llama.team-a.gpu.example.com');
    await gateway({ clusterAccess: null });
    await answers('b-twin', KEYS.b);
    await answers('a-llama', KEYS.a);
  });

  test('cannot name a resource as what is compiled from a service of it', async () => {
    const { code, err } = await world.api.tryKubectl(
      ['apply', '-f', '-'],
      JSON.stringify(
        provider('team-a', 'llama..inferenceservice-0123456789abcdef', { baseURL: 'https://evil.example.com' }),
      ),
    );
    expect(code).not.toBe(0);
    expect(err).toContain('RFC 1123');
  });

  test('names no Secret through an author who may not read it, where the chart’s policies hold', async () => {
    const policies = (await renderChart())
      .split(/^---$/m)
      .filter((one) => one.includes('kind: ValidatingAdmissionPolicy'));
    await world.apply(policies.join('---\n'));
    const rules = [{ apiGroups: ['fairlead.dev'], resources: ['*'], verbs: ['*'] }];
    const metadata = { name: 'author', namespace: 'team-a' };
    const apiGroup = 'rbac.authorization.k8s.io';
    await apply(
      { apiVersion: `${apiGroup}/v1`, kind: 'Role', metadata, rules },
      {
        apiVersion: `${apiGroup}/v1`,
        kind: 'RoleBinding',
        metadata,
        roleRef: { apiGroup, kind: 'Role', name: 'author' },
        subjects: [{ apiGroup, kind: 'User', name: 'ada' }],
      },
    );
    const asAda = (object: object) =>
      world.api.tryKubectl(['apply', '--as=ada', '--server-side', '-f', '-'], JSON.stringify(object));
    const thief = provider('team-a', 'thief-author', { baseURL: `${pods.url}/v1`, ...keyOf('upstream') });
    let refusal = '';
    await eventually('the policies hold', async () => {
      const { code, err } = await asAda(thief);
      refusal = err;
      if (code === 0) await world.api.kubectl(['delete', 'llmprovider', 'thief-author', '-n', 'team-a']);
      return code !== 0;
    });
    expect(refusal).toContain('names the Secret team-a/upstream, which ada may not read');
    await apply({
      apiVersion: `${apiGroup}/v1`,
      kind: 'Role',
      metadata,
      rules: [...rules, { apiGroups: [''], resources: ['secrets'], resourceNames: ['upstream'], verbs: ['get'] }],
    });
    await eventually('who may read it may name it', async () => (await asAda(thief)).code === 0);
  });

  test('learns no Secret of anybody from a status, an Event, a log, a metric or the table', async () => {
    await settled();
    const kinds = 'edgegateways,gatewayroutes,aimodels,llmproviders,consumers,inferenceservices,leases,configmaps';
    const [objects, events, metrics, table] = await Promise.all([
      world.api.kubectl(['get', kinds, '-A', '-o', 'json']),
      world.api.kubectl(['get', 'events.events.k8s.io', '-A', '-o', 'json']),
      fetch(`http://${metricsAt}/metrics`).then((response) => response.text()),
      publishedTable(world.edgeUnderTest.cluster),
    ]);
    const all = { objects, events, metrics, table, edge: JSON.stringify(world.lines), agent: world.describeAgents() };
    expect(metrics).toContain('fairlead_edge_revision_info');
    expect(events).toContain('SecretNotReleased');
    for (const [where, said] of Object.entries(all)) {
      expect(said === '' ? where : '').toBe('');
      for (const secret of [CANARY, world.edgeUnderTest.cluster.secretIdKey, ...Object.values(KEYS)])
        for (const form of [secret, Buffer.from(secret).toString('base64').slice(0, -4)])
          expect(said.includes(form), `${where} tells a secret`).toBe(false);
    }
    // Nor is there a metric for anything that a tenant names.
    expect(metrics).not.toMatch(/team-[abc]|thief/);
  });
});
