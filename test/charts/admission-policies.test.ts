import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../../contract/canonical-json.ts';
import { isApiServerMissing } from '../envtest/programs.ts';
import { startApiServer, type ApiServer } from '../support/api-server.ts';
import { AGENT_NAMESPACE, installCharts, renderChart } from '../support/chart.ts';
import { eventually } from '../support/eventually.ts';

const NAMESPACE = 'team-a';
/** May write resources, but reads no Secret. */
const AUTHOR = '--as=ada';

type Spec = Readonly<Record<string, Json>>;

function resource(kind: string, name: string, spec: Spec): string {
  return JSON.stringify({ apiVersion: 'fairlead.dev/v1alpha1', kind, metadata: { name, namespace: NAMESPACE }, spec });
}

function provider(name: string, secrets: readonly string[], more: Spec = {}): string {
  const headers = secrets.map((secret, index) => ({
    name: `x-${index}`,
    type: 'SecretKeyRef',
    secretKeyRef: { name: secret, key: 'key' },
  }));
  return resource('LLMProvider', name, { dialect: 'OpenAI', baseURL: 'https://a.example.com/v1', headers, ...more });
}

function withKeyOf(secret: string): Spec {
  return { auth: { type: 'APIKey', apiKey: { type: 'SecretRef', secretRef: { name: secret, key: 'key' } } } };
}

function edge(name: string, signingKey: string, more: Spec = {}): string {
  return resource('EdgeGateway', name, {
    clusterName: name,
    endpoint: 'https://llm.example.com',
    signingKeySecretRef: { name: signingKey },
    sealingKeys: [{ kid: 'a', publicKey: 'MLgzX60bHVbDxMXJ3QanXlRzuhpvpHegQw3BHZr-jUE' }],
    ...more,
  });
}

function consumer(name: string, secret: string): string {
  const keys = [
    { name: 'digest', type: 'SHA256', sha256: '0'.repeat(64) },
    { name: 'secret', type: 'SecretRef', secretRef: { name: secret, key: 'key' } },
  ];
  return resource('Consumer', name, { keys });
}

describe.skipIf(isApiServerMissing())('the admission policies', () => {
  let server: ApiServer;
  let token: string;

  beforeAll(async () => {
    server = await startApiServer();
    token = await installCharts(server);
    await server.kubectl(['create', 'namespace', NAMESPACE]);
    await grant('author', '*', '*.fairlead.dev', 'ada');
    await grant('reader', 'get', 'secrets', 'rita');
    await grant('author-too', '*', '*.fairlead.dev', 'rita');
    const readable = ['--verb=get', '--resource=secrets', '--resource-name=readable'];
    await server.kubectl(['create', 'role', 'readable', '-n', NAMESPACE, ...readable]);
    await server.kubectl(['create', 'rolebinding', 'readable', '-n', NAMESPACE, '--role=readable', '--user=ada']);
    await eventually('the author may write', async () => (await asAuthor(provider('probe', []))).code === 0);
    // For nothing: a name that was stored before the policies held would not be new.
    const refused = async () => (await apply(provider('probe', ['secret']), AUTHOR, '--dry-run=server')).code !== 0;
    await eventually('the policies hold', refused);
  });
  afterAll(() => server?.stop());

  /** A role of its own for each, by which the user may do this in the namespace. */
  const grant = async (name: string, verb: string, on: string, user: string): Promise<void> => {
    const [resources, apiGroup = ''] = on.split(/\.(.*)/);
    const rules = [{ apiGroups: [apiGroup], resources: [resources], verbs: [verb] }];
    const role = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name, namespace: NAMESPACE },
      rules,
    };
    await server.kubectl(['apply', '-f', '-'], JSON.stringify(role));
    await server.kubectl(['create', 'rolebinding', name, '-n', NAMESPACE, `--role=${name}`, `--user=${user}`]);
  };
  const apply = (object: string, ...args: string[]) =>
    server.tryKubectl(['apply', '--server-side', '--force-conflicts', ...args, '-f', '-'], object);
  const asAuthor = (object: string) => apply(object, AUTHOR);
  const asAgent = (...args: string[]) => server.tryKubectl([...args, '-n', NAMESPACE, '--token', token]);

  describe('refuse who names a Secret that they may not read', () => {
    test.each([
      ['as the key of a provider', provider('a', [], withKeyOf('hidden'))],
      ['in a header of a provider', provider('a', ['hidden'])],
      ['as the key of a consumer', consumer('a', 'hidden')],
      ['as the signing key of an edge', edge('a', 'hidden')],
      [
        'as the token of an inbox in KV',
        edge('a', 'readable', {
          publish: {
            type: 'CloudflareKV',
            cloudflareKV: {
              accountId: '0'.repeat(32),
              namespaceId: '0'.repeat(32),
              apiTokenSecretRef: { name: 'hidden', key: 'token' },
            },
          },
        }),
      ],
      [
        'as the token of an inbox in Redis',
        edge('a', 'readable', {
          publish: {
            type: 'UpstashRedis',
            upstashRedis: { url: 'https://a.upstash.io', tokenSecretRef: { name: 'hidden', key: 'token' } },
          },
        }),
      ],
      [
        'in a header to private clusters',
        edge('a', 'readable', {
          clusterAccess: {
            headers: [{ name: 'x-a', type: 'SecretKeyRef', secretKeyRef: { name: 'hidden', key: 'key' } }],
          },
        }),
      ],
    ])('%s', async (_, object) => {
      const { code, err } = await asAuthor(object);

      expect(code).not.toBe(0);
      expect(err).toContain('(Forbidden)');
      expect(err).toContain(`names the Secret ${NAMESPACE}/hidden, which ada may not read`);
    });

    test('as one of many', async () => {
      await grant('many', 'get', 'secrets', 'mary');
      await grant('author-many', '*', '*.fairlead.dev', 'mary');
      const many = Array.from({ length: 24 }, (_, index) => `secret-${index}`);

      await eventually(
        'all are allowed',
        async () => (await apply(provider('many', many), '--as=mary', '--dry-run=server')).code === 0,
      );

      expect((await asAuthor(provider('many', [...many, 'one-more']))).err).toContain('Add them in several steps');
    });

    test('in words that hold the command which changes that', async () => {
      const { err } = await asAuthor(provider('b', ['released']));
      const commands = /Its owner allows it by: (.*)$/m.exec(err)![1]!.split(' && ');
      for (const command of commands) await server.kubectl(command.split(' ').slice(1));

      await eventually('it is admitted', async () => (await asAuthor(provider('b', ['released']))).code === 0);

      expect((await asAuthor(provider('b', ['released', 'hidden']))).err).toContain(`${NAMESPACE}/hidden`);
    });
  });

  describe('admit', () => {
    test('who may read what they name, several times too', async () => {
      expect(await apply(provider('c', ['a', 'b', 'a'], withKeyOf('a')), '--as=rita')).toMatchObject({ code: 0 });
      expect(await apply(edge('c', 'a'), '--as=rita')).toMatchObject({ code: 0 });
      expect(await apply(consumer('c', 'a'), '--as=rita')).toMatchObject({ code: 0 });
    });

    test('who names none', async () => {
      expect(await asAuthor(provider('d', []))).toMatchObject({ code: 0 });
    });

    test('who changes something else of what names a Secret, but not another Secret', async () => {
      await apply(provider('e', ['hidden']));

      expect(await asAuthor(provider('e', ['hidden'], { baseURL: 'https://b.example.com/v1' }))).toMatchObject({
        code: 0,
      });
      expect((await asAuthor(provider('e', ['other']))).err).toContain(`${NAMESPACE}/other`);
      expect(await asAuthor(provider('e', []))).toMatchObject({ code: 0 });
      expect((await asAuthor(provider('e', ['hidden']))).err).toContain(`${NAMESPACE}/hidden`);
    });

    test('status and finalizers, which the agent writes', async () => {
      await apply(edge('f', 'hidden'));
      await apply(provider('f', ['hidden']));
      const merge = (...args: string[]) => asAgent('patch', '--type=merge', ...args);
      const conditions = [
        {
          type: 'Accepted',
          status: 'True',
          reason: 'Accepted',
          message: '',
          lastTransitionTime: '2026-01-01T00:00:00Z',
        },
      ];

      for (const kind of ['EdgeGateway', 'LLMProvider']) {
        const written = {
          apiVersion: 'fairlead.dev/v1alpha1',
          kind,
          metadata: { name: 'f', namespace: NAMESPACE },
          status: { conditions },
        };
        expect(await apply(JSON.stringify(written), '--subresource=status', '--token', token)).toMatchObject({
          code: 0,
          err: '',
        });
      }
      const finalizers = JSON.stringify({ metadata: { finalizers: ['fairlead.dev/edge'] } });
      expect(await merge('edgegateway', 'f', '-p', finalizers)).toMatchObject({ code: 0, err: '' });
      await server.kubectl(['delete', 'edgegateway', 'f', '-n', NAMESPACE, '--wait=false']);
      expect(await merge('edgegateway', 'f', '-p', '{"metadata":{"finalizers":null}}')).toMatchObject({
        code: 0,
        err: '',
      });
    });
  });

  test.each([
    ['what it publishes to', { spec: { suspend: true } }],
    ['a guard of its own', { metadata: { annotations: { 'fairlead.dev/allow-shrink': '704bbef573ee' } } }],
    ['a label', { metadata: { labels: { a: 'b' } } }],
    ["somebody else's finalizer", { metadata: { finalizers: ['example.com/other'] } }],
  ])('keep the agent from changing %s', async (_, patch) => {
    await apply(edge('g', 'hidden'));

    const { code, err } = await asAgent('patch', 'edgegateway', 'g', '--type=merge', '-p', JSON.stringify(patch));

    expect(code).not.toBe(0);
    expect(err).toContain('the agent may put its finalizer fairlead.dev/edge on an EdgeGateway and take it away');
  });

  test('can be tried out by warnings', async () => {
    const warning = await renderChart({
      nameOverride: 'trial',
      admissionPolicies: { actions: ['Warn'] },
      peopleRoles: { enabled: false },
    });
    await server.kubectl(['apply', '--server-side', '-f', '-'], warning);
    await server.kubectl([
      'delete',
      'validatingadmissionpolicybinding',
      '-l',
      'app.kubernetes.io/name=fairlead',
      '--field-selector',
      'metadata.name=fairlead-secrets-of-llmproviders',
    ]);

    await eventually('it is only warned of', async () => {
      const { code, err } = await apply(provider('h', ['hidden']), AUTHOR, '--dry-run=server');
      return code === 0 && err.includes('Warning: Validation failed for ValidatingAdmissionPolicy');
    });

    expect(await server.kubectl(['get', 'serviceaccount', 'trial', '-n', AGENT_NAMESPACE, '-o', 'name'])).toContain(
      'trial',
    );
  });
});
