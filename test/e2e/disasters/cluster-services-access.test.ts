import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { isApiServerMissing } from '../../envtest/programs.ts';
import { eventually } from '../../support/eventually.ts';
import { inferenceClient, said, type InferenceClient } from '../../support/inference-client.ts';
import { fakeKServe, type FakeKServe } from '../../support/inference-objects.ts';
import { byService, modelRoute, resource, serviceModel } from '../../support/inference-resources.ts';
import { startKubernetesWorld, type KubernetesWorld } from '../../support/kubernetes-world.ts';
import { startModelServer, type ModelServer } from '../../support/model-server.ts';
import { startAccessOrigin, type PrivateOrigin } from '../../support/private-origins.ts';
import { secret } from '../../support/resource-files.ts';

const NO_TOKEN = /refuses access \(status 403\): Cloudflare Access wants a service token/;

describe.skipIf(isApiServerMissing())('inference services behind Cloudflare Access', () => {
  let world: KubernetesWorld;
  let client: InferenceClient;
  let server: ModelServer;
  let access: PrivateOrigin;
  let service: FakeKServe;
  const token = { id: 'abc.access', secret: 'the-secret' };

  beforeAll(async () => {
    server = await startModelServer('pods', ['llama']);
    access = await startAccessOrigin(() => server.origin, token);
    world = await startKubernetesWorld();
    client = inferenceClient(world);
    await world.installKServe();
    // Nobody outside of its cluster knows the host that it gives itself.
    service = fakeKServe(world.api, { namespace: 'default', name: 'llama', url: 'http://llama.invalid:8080' });
    await service.apply();
    await service.endpoints(true, true, true);
    await service.status('True');
    world.startAgent({ resyncSeconds: 1 });
    await world.programmed('edgegateway/edge');
  });
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') process.stderr.write(`${world.describeFailure()}\n`);
  });
  afterAll(async () => {
    await world?.dispose();
    await Promise.all([access?.stop(), server?.stop()]);
  });

  const headersOf = (name: string) =>
    [
      ['cf-access-client-id', 'client-id'],
      ['cf-access-client-secret', 'client-secret'],
    ].map(([header, key]) => ({ name: header, type: 'SecretKeyRef', secretKeyRef: { name, key } }));
  const writeToken = (name: string, hosts: string, value: string) =>
    world.apply(secret(name, hosts, { 'client-id': token.id, 'client-secret': value }));
  const ways = () => {
    const { host } = new URL(access.origin);
    return {
      connectionRef: {
        host,
        set: async () => {
          await world.apply(
            resource('LLMProvider', 'tunnel', {
              dialect: 'OpenAI',
              baseURL: access.origin,
              headers: headersOf('connection-token'),
            }),
          );
          await world.apply(
            serviceModel('connected', byService('InferenceService', 'llama', { connectionRef: { name: 'tunnel' } })),
          );
          await world.apply(modelRoute('connected', ['connected']));
        },
      },
      clusterAccess: {
        host,
        set: async () => {
          const spec = { clusterAccess: { baseURL: access.origin, headers: headersOf('cluster-token') } };
          await world.api.kubectl(['patch', 'edgegateway', 'edge', '--type=merge', '-p', JSON.stringify({ spec })]);
          await world.apply(serviceModel('usual', byService('InferenceService', 'llama')));
          await world.apply(modelRoute('usual', ['usual']));
        },
      },
    };
  };

  test.each([
    ['connectionRef', 'connected', 'connection-token'],
    ['clusterAccess', 'usual', 'cluster-token'],
  ] as const)(
    'by %s: the condition says what is missing until the token is right, and it can be rotated',
    async (way, model, name) => {
      const { host, set } = ways()[way];
      const subject = `aimodel/${model}`;
      token.secret = 'the-secret';
      const passed = access.passed.length;
      await set();
      const missing = /SecretNotFound|BackendNotFound/;
      await client.expectField(subject, said('ResolvedRefs'), missing);
      // Whoever may read it releases it: until then it is sent nowhere.
      await writeToken(name, 'other.example.com', 'the-secret');
      await client.expectField(
        way === 'connectionRef' ? 'llmprovider/tunnel' : subject,
        said('ResolvedRefs', 'message'),
        /kubectl annotate secret/,
      );
      await writeToken(name, host, 'wrong');
      await client.expectField(subject, said('ResolvedRefs'), 'BackendUnreachable');
      await client.expectField(subject, said('ResolvedRefs', 'message'), NO_TOKEN);
      expect(await client.field(subject, said('ResolvedRefs', 'message'))).not.toContain('wrong');
      expect(access.passed).toHaveLength(passed);
      expect(await client.ask({ model })).toMatchObject({ status: 503 });

      await writeToken(name, host, 'the-secret');
      await client.expectAnswer(model);
      await world.programmed(subject);
      await client.expectField(subject, said('ResolvedRefs', 'status'), 'True');
      expect(await client.ask({ model })).toMatchObject({ text: 'pods as llama' });

      // The old token ends before the new one is known here: calls fail meanwhile, and then go on by themselves.
      token.secret = 'the-next-secret';
      expect(await client.ask({ model })).toMatchObject({ status: 502 });
      await writeToken(name, host, 'the-next-secret');
      await client.expectAnswer(model);
      await client.expectField(subject, said('Programmed', 'status'), 'True');
    },
  );
});

describe.skipIf(isApiServerMissing())('an inference service that is scaled to zero', () => {
  let world: KubernetesWorld;
  let client: InferenceClient;
  let server: ModelServer;
  let service: FakeKServe;
  const KEDA = { 'serving.kserve.io/autoscalerClass': 'keda' };

  beforeAll(async () => {
    [world, server] = await Promise.all([startKubernetesWorld(), startModelServer('pods', ['llama'])]);
    client = inferenceClient(world);
    await world.installKServe();
    service = fakeKServe(world.api, { namespace: 'default', name: 'sleeper', url: server.origin });
    await service.apply({ minReplicas: 0, maxReplicas: 3 }, KEDA);
    await service.status('True', { components: { predictor: { url: server.origin } } });
    await service.endpoints();
    await world.apply(serviceModel('sleeper', byService('InferenceService', 'sleeper', { model: 'llama' })));
    await world.apply(modelRoute('gpus', ['sleeper']));
  });
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') process.stderr.write(`${world.describeFailure()}\n`);
  });
  afterAll(async () => {
    await world?.dispose();
    await server?.stop();
  });

  const start = () => world.startAgent({ resyncSeconds: 1, flags: ['--signals-seconds', '1'] });

  test('stays served, as cold, and nobody looks at it', async () => {
    const agent = start();
    await world.programmed('aimodel/sleeper');
    await client.expectField('aimodel/sleeper', '.status.deploymentStatus', 'ScaledToZero');
    await client.expectField('aimodel/sleeper', '.status.availableReplicas', '0');
    // Another agent that knows nothing of before, and a change of what it looks like.
    await agent.stop();
    start();
    await service.apply({ minReplicas: 0, maxReplicas: 5 }, KEDA);
    await world.apply(modelRoute('more', ['sleeper']));
    await world.programmed('gatewayroute/more');
    expect(server.calls).toEqual([]);
  });

  test('its first request wakes it, and waits for it', async () => {
    // What stands before it refuses while there is no pod; the first call makes one.
    server.refuse = () => new Response('no healthy upstream', { status: 503 });
    const asked = client.ask({ model: 'sleeper' });
    await eventually('the call has arrived', () => server.calls.length > 0);
    await eventually('it is called again', () => server.calls.length > 1);
    await service.endpoints(true);
    server.refuse = undefined;
    expect(await asked).toMatchObject({ status: 200, text: 'pods as llama' });
    await client.expectField('aimodel/sleeper', '.status.deploymentStatus', 'Ready');
    await eventually('now that it is awake the edge looks', () => server.looks() === 1);
  });

  test('asleep again it keeps what was seen, and is left alone', async () => {
    await service.endpoints();
    await client.expectField('aimodel/sleeper', '.status.deploymentStatus', 'ScaledToZero');
    const calls = server.calls.length;
    await world.apply(modelRoute('even-more', ['sleeper']));
    await world.programmed('gatewayroute/even-more');
    expect(server.calls).toHaveLength(calls);
    expect(await client.ask({ model: 'sleeper' })).toMatchObject({ status: 200 });
  });
});
