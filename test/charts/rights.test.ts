import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { isApiServerMissing } from '../envtest/programs.ts';
import { startApiServer, type ApiServer } from '../support/api-server.ts';
import { AGENT_ACCOUNT, AGENT_NAMESPACE, AGENT_USER, installCharts, renderChart } from '../support/chart.ts';
import { eventually } from '../support/eventually.ts';

/** What the agent may do in the whole cluster, one right a line. */
const EVERYWHERE = [
  'customresourcedefinitions.apiextensions.k8s.io/aimodels.fairlead.dev: get',
  'customresourcedefinitions.apiextensions.k8s.io/consumers.fairlead.dev: get',
  'customresourcedefinitions.apiextensions.k8s.io/edgegateways.fairlead.dev: get',
  'customresourcedefinitions.apiextensions.k8s.io/gatewayroutes.fairlead.dev: get',
  'customresourcedefinitions.apiextensions.k8s.io/llmproviders.fairlead.dev: get',
  'namespaces: get list watch',
];
/** In each namespace whose resources it reads. */
const WATCHED = [
  'aimodels.fairlead.dev: get list watch',
  'aimodels/status.fairlead.dev: patch',
  'consumers.fairlead.dev: get list watch',
  'consumers/status.fairlead.dev: patch',
  'edgegateways.fairlead.dev: get list patch watch',
  'edgegateways/status.fairlead.dev: patch',
  'endpointslices.discovery.k8s.io: get list watch',
  'events.events.k8s.io: create patch',
  'gatewayroutes.fairlead.dev: get list watch',
  'gatewayroutes/status.fairlead.dev: patch',
  'inferencepools.inference.networking.k8s.io: get list watch',
  'inferenceservices.serving.kserve.io: get list watch',
  'llminferenceservices.serving.kserve.io: get list watch',
  'llmproviders.fairlead.dev: get list watch',
  'llmproviders/status.fairlead.dev: patch',
  'referencegrants.gateway.networking.k8s.io: get list watch',
];
/** In its own namespace. */
const LEADING = ['leases.coordination.k8s.io/fairlead-sync-agent: get update', 'leases.coordination.k8s.io: create'];
/** What every authenticated account may: ask who it is, and what it may do. */
const ANYBODY = [
  'selfsubjectaccessreviews.authorization.k8s.io: create',
  'selfsubjectreviews.authentication.k8s.io: create',
  'selfsubjectrulesreviews.authorization.k8s.io: create',
];
const CREDENTIALS = ['secrets/mistral: get list watch', 'secrets/openai: get list watch'];

const NARROW = 'narrow';
const NAMESPACES = ['team-a', 'team-b', 'platform'];

describe.skipIf(isApiServerMissing())("the chart's rights", () => {
  let server: ApiServer;
  let token: string;

  beforeAll(async () => {
    server = await startApiServer();
    token = await installCharts(server, { credentials: [{ namespace: 'team-a', names: ['openai', 'mistral'] }] });
    for (const name of NAMESPACES.slice(1)) await server.kubectl(['create', 'namespace', name]);
    // Beside it, under another name, one that is for two namespaces only.
    const narrow = {
      nameOverride: NARROW,
      peopleRoles: { enabled: false },
      signals: { endpointPicker: true },
      watchNamespaces: ['team-a', 'platform'],
      credentials: [{ namespace: 'platform', names: ['signing-key'] }],
    };
    await server.kubectl(['apply', '--server-side', '-f', '-'], await renderChart(narrow));
    for (const name of ['openai', 'other'])
      await server.kubectl(['create', 'secret', 'generic', name, '-n', 'team-a', '--from-literal=key=value']);
    await eventually(
      'its rights are known',
      async () => (await asAgent('get', 'secret', 'openai', '-n', 'team-a')).code === 0,
    );
  });
  afterAll(() => server?.stop());

  const asAgent = (...args: string[]) => server.tryKubectl([...args, '--token', token]);
  const kubectl = (...args: string[]) => server.kubectl(args);

  test.each([
    ['a namespace', 'team-b', [...EVERYWHERE, ...WATCHED]],
    ['a namespace whose Secrets the values name', 'team-a', [...EVERYWHERE, ...WATCHED, ...CREDENTIALS]],
    ['its own namespace', AGENT_NAMESPACE, [...EVERYWHERE, ...WATCHED, ...LEADING]],
  ])('may do in %s what docs/rbac.md says, and nothing else', async (_, namespace, rights) => {
    expect(await rightsOf(server, AGENT_USER, namespace)).toEqual([...ANYBODY, ...rights].sort());
  });

  test('with watchNamespaces may do nothing in any other namespace', async () => {
    const user = `system:serviceaccount:${AGENT_NAMESPACE}:${NARROW}`;
    const everywhere = [
      ...EVERYWHERE.filter((right) => !right.startsWith('namespaces')),
      'namespaces/kube-system: get list watch',
      'namespaces/platform: get list watch',
      'namespaces/team-a: get list watch',
    ];

    expect(await rightsOf(server, user, 'team-b')).toEqual([...ANYBODY, ...everywhere].sort());
    expect(await rightsOf(server, user, 'team-a')).toEqual([...ANYBODY, ...everywhere, ...WATCHED].sort());
    expect(await rightsOf(server, user, 'platform')).toEqual(
      [...ANYBODY, ...everywhere, ...WATCHED, 'secrets/signing-key: get list watch'].sort(),
    );
  });

  test('show endpoint pickers an account that may read metrics and nothing else, and not that of the agent', async () => {
    const account = (name: string) => `system:serviceaccount:${AGENT_NAMESPACE}:${name}`;
    const mayRead = (user: string) => server.tryKubectl(['auth', 'can-i', 'get', '/metrics', '--as', user]);

    expect(await mayRead(account(`${NARROW}-endpoint-picker`))).toMatchObject({ code: 0, out: 'yes\n' });
    expect(await rightsOf(server, account(`${NARROW}-endpoint-picker`), AGENT_NAMESPACE)).toEqual(ANYBODY);
    for (const user of [account(NARROW), AGENT_USER])
      expect(await mayRead(user)).toMatchObject({ code: 1, out: 'no\n' });
  });

  test.each(
    [
      ['get', 'secret', 'openai', '-n', 'team-a'],
      ['get', 'secrets', '-n', 'team-a', '--field-selector', 'metadata.name=openai'],
      ['get', 'aimodels,consumers,edgegateways,gatewayroutes,llmproviders', '-A'],
      ['get', 'namespaces'],
      ['get', 'crd', 'aimodels.fairlead.dev'],
      ['get', 'endpointslices', '-A'],
    ].map((args) => [args.join(' '), args] as const),
  )('may %s', async (_, args) => {
    expect(await asAgent(...args)).toMatchObject({ code: 0, err: expect.not.stringContaining('Forbidden') });
  });

  test.each(
    [
      ['get', 'secrets', '-A'],
      ['get', 'secrets', '-n', 'team-a'],
      ['get', 'secret', 'other', '-n', 'team-a'],
      ['get', 'secrets', '-n', AGENT_NAMESPACE],
      ['get', 'configmaps', '-n', AGENT_NAMESPACE],
      ['get', 'pods', '-A'],
      ['get', 'crds'],
      ['create', 'token', AGENT_ACCOUNT, '-n', AGENT_NAMESPACE],
      ['delete', 'edgegateway', 'edge', '-n', 'team-a'],
      ['delete', 'namespace', 'team-b'],
      ['create', 'configmap', 'x', '-n', AGENT_NAMESPACE],
      ['annotate', 'lease', 'other', 'a=b', '-n', AGENT_NAMESPACE],
      ['get', '--raw', '/metrics'],
      ['get', 'namespaces', '--as=admin', '--as-group=system:masters'],
    ].map((args) => [args.join(' '), args] as const),
  )('may not %s', async (_, args) => {
    const { code, err } = await asAgent(...args);

    expect(code).not.toBe(0);
    expect(err).toMatch(/forbidden/i);
  });

  test('may read all Secrets of a namespace once its owner has bound the role that is shipped, and no longer than that', async () => {
    await kubectl(
      'create',
      'role',
      'owner',
      '-n',
      'team-b',
      '--verb=*',
      '--resource=secrets,rolebindings.rbac.authorization.k8s.io',
    );
    await kubectl('create', 'rolebinding', 'owner', '-n', 'team-b', '--role=owner', '--user=olga');
    const bind = [
      'create',
      'rolebinding',
      'fairlead-secret-reader',
      '-n',
      'team-b',
      '--clusterrole=fairlead-secret-reader',
    ];
    const asOwner = ['--as=olga'];
    const isAllowed = async () => (await asAgent('get', 'secrets', '-n', 'team-b')).code === 0;

    await eventually(
      'the owner may',
      async () => (await server.tryKubectl(['get', 'secrets', '-n', 'team-b', ...asOwner])).code === 0,
    );
    await kubectl(...bind, `--serviceaccount=${AGENT_NAMESPACE}:${AGENT_ACCOUNT}`, ...asOwner);
    await eventually('the agent may', isAllowed);
    await kubectl('delete', 'rolebinding', 'fairlead-secret-reader', '-n', 'team-b', ...asOwner);
    await eventually('the agent may no more', async () => !(await isAllowed()));

    expect((await asAgent('get', 'secrets', '-n', 'platform')).code).not.toBe(0);
  });

  describe('of people', () => {
    beforeAll(async () => {
      for (const role of ['viewer', 'editor', 'edge-operator'])
        await kubectl(
          'create',
          'rolebinding',
          role,
          '-n',
          'default',
          `--clusterrole=fairlead-${role}`,
          `--user=${role}`,
        );
      await eventually(
        'they hold',
        async () => (await rightsOf(server, 'edge-operator', 'default')).length > ANYBODY.length,
      );
    });

    const EDIT = 'create delete deletecollection patch update';

    test.each([
      ['viewer', ['aimodels', 'consumers', 'edgegateways', 'gatewayroutes', 'llmproviders'], 'get list watch'],
      ['editor', ['aimodels', 'consumers', 'gatewayroutes', 'llmproviders'], EDIT],
      ['edge-operator', ['edgegateways'], 'create delete deletecollection get list patch update watch'],
    ])('%s is about %j', async (user, plurals, verbs) => {
      const rights = plurals.map((plural) => `${plural}.fairlead.dev: ${verbs}`);

      const found = await rightsOf(server, user, 'default');

      expect(found.filter((right) => !right.startsWith('selfsubject'))).toEqual(rights);
    });

    test('viewer and editor are part of the roles of Kubernetes, the edge operator of none', async () => {
      const labelled = (part: string) =>
        server.kubectl([
          'get',
          'clusterroles',
          '-o',
          'name',
          '-l',
          `rbac.authorization.k8s.io/aggregate-to-${part}=true,app.kubernetes.io/name=fairlead`,
        ]);

      expect(await labelled('view')).toBe('clusterrole.rbac.authorization.k8s.io/fairlead-viewer\n');
      expect(await labelled('edit')).toBe('clusterrole.rbac.authorization.k8s.io/fairlead-editor\n');
      expect(await labelled('admin')).toBe('');
    });
  });
});

const strings = z.array(z.string());
const review = z.object({
  status: z.object({
    resourceRules: z.array(
      z.object({ apiGroups: strings, resources: strings, resourceNames: strings.default([]), verbs: strings }),
    ),
  }),
});

/** All that a user may do with resources in a namespace, one line a resource, as the API server itself says. */
async function rightsOf(server: ApiServer, user: string, namespace: string): Promise<readonly string[]> {
  const question = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace } };
  // To check the question kubectl would want to list CRDs.
  const ask = ['create', '--validate=false', '-f', '-', '-o', 'json', '--as', user];
  const answer = await server.kubectl(ask, JSON.stringify(question));
  const verbs = new Map<string, Set<string>>();
  for (const rule of review.parse(JSON.parse(answer)).status.resourceRules)
    for (const apiGroup of rule.apiGroups)
      for (const resource of rule.resources)
        for (const name of rule.resourceNames.length === 0 ? [''] : rule.resourceNames) {
          const key = `${resource}${apiGroup && `.${apiGroup}`}${name && `/${name}`}`;
          verbs.set(key, new Set([...(verbs.get(key) ?? []), ...rule.verbs]));
        }
  return [...verbs].map(([key, allowed]) => `${key}: ${[...allowed].sort().join(' ')}`).sort();
}
