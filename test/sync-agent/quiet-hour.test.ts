import { expect, onTestFinished, test } from 'vitest';
import { runAgent } from '../../sync-agent/run-agent.ts';
import { CLUSTER_DOORS } from '../../sync-agent/run-in-cluster.ts';
import { Happenings } from '../support/happenings.ts';
import { CALL_TIMEOUT_MS, fakeEdge } from './support/edge-bench.ts';
import { smallTable } from './support/local-resources.ts';
import { manualClock, settle } from './support/manual-clock.ts';
import { WholeCluster } from './support/whole-cluster.ts';

const HOUR_MS = 3_600_000;
/** How often something is done in an hour that is done each so many seconds. */
const each = (seconds: number) => HOUR_MS / 1000 / seconds;

const KINDS = ['aimodels', 'consumers', 'edgegateways', 'gatewayroutes', 'llmproviders', 'namespaces', 'secrets'];

/** A signature that is being made elsewhere in the process is made by the time that this is digested. */
const SLOW_TO_DIGEST = new Uint8Array(200_000);

/** An agent that leads and has said all that there is to say, by a clock that the test moves. */
async function quietAgent() {
  const clock = manualClock((ms) => ms === CALL_TIMEOUT_MS);
  const over = new AbortController();
  const cluster = new WholeCluster(clock, over.signal);
  cluster.kinds.serve(
    ...['EdgeGateway', 'GatewayRoute', 'AIModel', 'LLMProvider', 'Consumer'].map(
      (kind) => `${kind.toLowerCase()}s.fairlead.dev/v1alpha1/${kind}`,
    ),
    'namespaces/v1/Namespace',
    'secrets/v1/Secret',
  );
  cluster.put(...smallTable());
  const edge = fakeEdge({ now: () => clock.now() });
  let askingEdge = 0;
  const lines = new Happenings<{ readonly level: string; readonly message: string }>();
  const stopping = new AbortController();
  const ended = runAgent({
    args: [],
    env: { KUBERNETES_SERVICE_HOST: '10.0.0.1', POD_NAME: 'pod' },
    out: (line) => lines.add(JSON.parse(line)),
    err: () => undefined,
    signal: stopping.signal,
    doors: {
      ...CLUSTER_DOORS,
      openApi: async () => cluster,
      clock,
      monotonicNow: () => clock.now(),
      random: () => 0.5,
      fetch: async (...call) => {
        askingEdge += 1;
        return edge.fetch(...call).finally(() => (askingEdge -= 1));
      },
    },
  });
  /** Moves on in steps so small that whatever is under way in one ends in it. */
  const pass = async (ms: number): Promise<void> => {
    for (const end = clock.now() + ms; clock.now() < end;) {
      await clock.advance(2_000);
      for (let calls = -1; calls < edge.log.length || cluster.underWay + askingEdge > 0;) {
        calls = edge.log.length;
        await settle();
        await crypto.subtle.digest('SHA-256', SLOW_TO_DIGEST);
        await settle();
      }
    }
  };
  onTestFinished(async () => {
    stopping.abort(new Error('over'));
    await Promise.race([ended, pass(60_000)]);
    over.abort(new Error('over'));
  });
  while (!lines.all.some(({ message }) => message === 'served')) await pass(2_000);
  await pass(60_000);
  return { cluster, edge, lines, pass };
}

test('a quiet hour costs renewals of Lease and watches, a look at what is served each minute, and looks at the edge', async () => {
  const { cluster, edge, lines, pass } = await quietAgent();
  cluster.asked = new Map();
  edge.log.length = 0;
  const said = lines.all.length;

  await pass(HOUR_MS);

  expect(Object.fromEntries(cluster.asked)).toEqual({
    'PUT leases': each(2),
    // Which kinds and versions the cluster serves: the list of groups, and that of the kinds of our own.
    'GET discovery': 2 * each(60),
    // Watches end after five to ten minutes, here each after 7.5.
    ...Object.fromEntries(KINDS.map((kind) => [`WATCH ${kind}`, each(450)])),
  });
  // What the hub holds, and then what an isolate answers, and who serves it.
  expect(new Set(edge.log)).toEqual(new Set(['state', 'probe']));
  expect(Math.abs(edge.calls('probe') - each(30))).toBeLessThanOrEqual(2);
  expect(Math.abs(edge.calls('state') - 2 * each(30))).toBeLessThanOrEqual(4);
  expect(lines.all.length).toBe(said);
});
