import { setTimeout as sleep } from 'node:timers/promises';
import { openKubernetesApi } from '../../sync-agent/kubernetes/open-kubernetes-api.ts';
import { PROGRAMS, findProgram } from '../../test/envtest/programs.ts';
import { fakeKServe, type FakeKServe } from '../../test/support/inference-objects.ts';
import { byService, modelRoute, serviceModel } from '../../test/support/inference-resources.ts';
import { startKubernetesWorld, type KubernetesWorld } from '../../test/support/kubernetes-world.ts';
import { startModelServer } from '../../test/support/model-server.ts';
import type { ResultRow, Suite } from '../suite.ts';
import { TIMES_COLUMNS, timesRow } from '../times-table.ts';

/**
 * From the answer to a patch of an EndpointSlice that takes away the last ready endpoint of an inference service, until no
 * isolate routes to it: real API server, real agent, real workerd, each a process of its own.
 */
export const endpointLostSuite: Suite = {
  name: 'endpoint-lost',
  does: 'time from the loss of the last ready endpoint of an inference service until two isolates do not route to it',
  run: async ({ quick, progress }) => {
    const missing = PROGRAMS.filter((program) => findProgram(program) === undefined);
    if (missing.length > 0)
      return { tables: [], unavailable: `${missing.join(', ')} not there: npm run envtest:install` };
    const losses = quick ? 3 : 30;
    progress(`endpoint-lost: ${losses} losses, 2 isolates`);
    const [world, pods] = await Promise.all([startKubernetesWorld(), startModelServer('pods', [MODEL])]);
    try {
      const service = fakeKServe(world.api, { namespace: 'default', name: MODEL, url: pods.origin });
      await serveOne(world, service);
      const rows = await measure(world, losses);
      return { tables: [{ title: `the last ready endpoint lost, ${losses} times`, columns: TIMES_COLUMNS, rows }] };
    } finally {
      await Promise.all([world.dispose(), pods.stop()]);
    }
  },
};

const MODEL = 'llama';
const DEADLINE_MS = 30_000;

/** In milliseconds since the API server had answered. */
interface Times {
  readonly unrouted: number;
  readonly routed: number;
}

async function serveOne(world: KubernetesWorld, service: FakeKServe): Promise<void> {
  await world.installKServe();
  await service.apply();
  await service.endpoints(true, true, true);
  await service.status('True');
  await world.apply(serviceModel(MODEL, byService('InferenceService', MODEL)));
  await world.apply(modelRoute('gpus', [MODEL]));
  world.startAgent();
  await world.programmed(`aimodel/${MODEL}`);
}

async function measure(world: KubernetesWorld, losses: number): Promise<ResultRow[]> {
  const api = await openKubernetesApi({ kubeconfig: world.api.kubeconfig, env: {} });
  const setReady = (isReady: boolean): Promise<unknown> =>
    api.call(
      {
        method: 'PATCH',
        path: `/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/${MODEL}-predictor-abcde`,
        contentType: 'application/json-patch+json',
        body: [0, 1, 2].map((i) => ({ op: 'replace', path: `/endpoints/${i}/conditions/ready`, value: isReady })),
      },
      new AbortController().signal,
    );
  const all: Times[] = [];
  for (let loss = 0; loss < losses; loss++) {
    await untilAll(world, 200, performance.now());
    // So that losses fall anywhere between two questions of an isolate to the hub.
    await sleep(500 + ((loss * 37) % 500));
    await setReady(false);
    const unrouted = await untilAll(world, 503, performance.now());
    await setReady(true);
    const routed = await untilAll(world, 200, performance.now());
    all.push({ unrouted, routed });
  }
  await api.close();
  return [
    timesRow(
      'no endpoint is ready',
      'unrouted by both isolates',
      all.map(({ unrouted }) => unrouted),
    ),
    timesRow(
      'endpoints are ready',
      'routed by both isolates',
      all.map(({ routed }) => routed),
    ),
  ];
}

/** Milliseconds since `since` until each isolate answers with that status. */
async function untilAll(world: KubernetesWorld, status: number, since: number): Promise<number> {
  const times = await Promise.all(world.edge.urls.map((url) => until(world, url, status, since)));
  return Math.max(...times);
}

async function until(world: KubernetesWorld, url: string, status: number, since: number): Promise<number> {
  for (;;) {
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${world.edgeUnderTest.cluster.clientKey}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: 'Are you there?' }] }),
    });
    await answer.arrayBuffer();
    const elapsed = performance.now() - since;
    if (answer.status === status) return elapsed;
    if (elapsed > DEADLINE_MS) throw new Error(`${url} did not answer ${status} within ${DEADLINE_MS} ms`);
    // Clients that never rest would take the time of those that they wait for.
    await sleep(2);
  }
}
