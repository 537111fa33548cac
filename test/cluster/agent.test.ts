import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { resourceKey } from '../../sync-agent/snapshot.ts';
import { EXIT, runAgent } from '../../sync-agent/run-agent.ts';
import { CLUSTER_DOORS } from '../../sync-agent/run-in-cluster.ts';
import { isApiServerMissing } from '../envtest/programs.ts';
import { startApiServer, type ApiServer } from '../support/api-server.ts';
import { fakeEdge, heldRoutes } from '../sync-agent/support/edge-bench.ts';
import type { FakeEdge } from '../sync-agent/support/fake-edge.ts';
import { gatewayWith, model, smallTable } from '../sync-agent/support/local-resources.ts';

const MANIFESTS = new URL('../../crds/manifests/', import.meta.url).pathname;

describe.skipIf(isApiServerMissing())('the agent at a real API server', () => {
  let server: ApiServer;
  let edge: FakeEdge;
  const stopping = new AbortController();
  let ended: Promise<number> = Promise.resolve(0);
  const lines: Record<string, unknown>[] = [];

  beforeAll(async () => {
    server = await startApiServer();
    await server.kubectl(['apply', '--server-side', '-f', MANIFESTS]);
    await server.kubectl(['wait', '--for=condition=Established', '--timeout=30s', '-f', MANIFESTS]);
    for (const name of ['ai', 'fairlead-system']) await server.kubectl(['create', 'namespace', name]);
    edge = fakeEdge({ now: Date.now });
    ended = runAgent({
      args: ['--kubeconfig', server.kubeconfig, '--namespace', 'fairlead-system', '--pod-name', 'pod-0'],
      env: {},
      out: (line) => lines.push(JSON.parse(line)),
      err: (text) => lines.push({ text }),
      signal: stopping.signal,
      doors: { ...CLUSTER_DOORS, fetch: edge.fetch },
    });
  });
  afterAll(async () => {
    stopping.abort(new Error('over'));
    await ended;
    await server?.stop();
  });

  const apply = (...resources: readonly object[]) =>
    server.kubectl(['apply', '--server-side', '-f', '-'], resources.map((one) => stringify(one)).join('---\n'));
  const get = async (kind: string, name: string) =>
    JSON.parse(await server.kubectl(['get', kind, '-n', 'ai', name, '-o', 'json']));
  const wait = (what: string, condition: string) =>
    server.kubectl(['wait', '-n', 'ai', what, `--for=condition=${condition}`, '--timeout=30s']);

  test('makes kubectl apply and kubectl wait the whole workflow', async () => {
    await apply(...smallTable());
    for (const what of ['gatewayroute/chat', 'aimodel/small', 'llmprovider/openai', 'consumer/ann', 'edgegateway/edge'])
      await wait(what, 'Programmed');
    expect(Object.keys(heldRoutes(edge))).toEqual(['ai/chat']);
    await expect
      .poll(async () => (await get('edgegateway', 'edge')).status, { timeout: 20_000 })
      .toMatchObject({
        published: { revision: edge.current?.revision },
        served: { revision: edge.current?.revision },
        attached: { routes: 1, models: 1, providers: 1, consumers: 1 },
      });
  });

  test('takes Programmed back with a change, until the edge serves it', async () => {
    edge.served = edge.current?.revision;
    await apply(model('small', 3));
    await wait('aimodel/small', 'Programmed=False');
    expect((await get('gatewayroute', 'chat')).status.conditions).toMatchObject([{}, {}, { status: 'True' }]);
    edge.served = undefined;
    await wait('aimodel/small', 'Programmed');
    const { metadata, status } = await get('aimodel', 'small');
    for (const { observedGeneration } of status.conditions) expect(observedGeneration).toBe(metadata.generation);
  });

  test('writes nothing but its Lease while nothing happens', async () => {
    const versions = async () =>
      Promise.all(
        smallTable()
          .filter(({ kind }) => kind !== 'Secret')
          .map(async (resource) => {
            const { metadata } = await get(resource.kind.toLowerCase(), resource.metadata.name);
            return [resourceKey(resource), metadata.resourceVersion];
          }),
      );
    const lease = async () =>
      JSON.parse(await server.kubectl(['get', 'lease', '-n', 'fairlead-system', 'fairlead-sync-agent', '-o', 'json']))
        .spec.renewTime;
    const before = await versions();
    const renewed = await lease();
    // Three renewals.
    for (let i = 0, last = renewed; i < 3; i++) {
      await expect.poll(lease, { timeout: 20_000 }).not.toBe(last);
      last = await lease();
    }
    expect(await versions()).toEqual(before);
  });

  test('holds an EdgeGateway that is to be evicted until it is, and gives the Lease back in the end', async () => {
    await apply(gatewayWith({ deletionPolicy: 'Evict' }));
    await expect
      .poll(async () => (await get('edgegateway', 'edge')).metadata.finalizers, { timeout: 20_000 })
      .toEqual(['fairlead.dev/edge']);
    edge.mishap = ({ step }) => (step === 'evict' ? new Response('down', { status: 503 }) : undefined);
    await server.kubectl(['delete', 'edgegateway', '-n', 'ai', 'edge', '--wait=false']);
    await expect
      .poll(async () => (await get('edgegateway', 'edge')).status.lastError?.message, { timeout: 20_000 })
      .toContain('not evicted yet');
    await wait('gatewayroute/chat', 'Accepted=False');
    edge.mishap = () => undefined;
    await server.kubectl(['wait', '-n', 'ai', '--for=delete', 'edgegateway/edge', '--timeout=40s']);
    expect(edge.current).toBeNull();
    await expect
      .poll(async () => (await get('gatewayroute', 'chat')).status, { timeout: 20_000 })
      .toMatchObject({ conditions: [{ reason: 'NoMatchingParent' }, { reason: 'NotShipped' }], parents: [] });
    stopping.abort(new Error('SIGTERM'));
    expect(await ended).toBe(EXIT.stopped);
    const { spec } = JSON.parse(
      await server.kubectl(['get', 'lease', '-n', 'fairlead-system', 'fairlead-sync-agent', '-o', 'json']),
    );
    expect(spec.holderIdentity).toBe('');
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });
});
