import { bundleWorker, type BundleOptions } from '../../dev/bundle-worker.ts';
import { startEdgeInParts, type EdgeInParts, type EdgeLogLine } from '../../dev/edge.ts';
import { instantPace } from '../../dev/simulator/pace.ts';
import { startSimulator, type Simulator } from '../../dev/simulator/server.ts';
import { pointerKey } from '../../contract/storage-keys.ts';
import { eventually } from './eventually.ts';
import type { ClusterTrust } from '../../contract/cluster-trust.ts';
import { makeSealingKey, makeSigningKey, type SealingKeyPair, type SigningKeyPair } from '../../sync-agent/keys.ts';
import { workerSealingKeys } from '../../sync-agent/render-keys.ts';
import { PROVIDER_KEY, startClusterUnderTest, type ClusterUnderTest } from './cluster-under-test.ts';
import { FAULTS_AT_START, setFaults, type Faults } from './faults.ts';
import { SteadyClient } from './steady-client.ts';

/** Hub, KV and isolates as processes that can fail alone, clusters that publish to them, and a provider's simulator. */
export interface EdgeUnderTest {
  readonly edge: EdgeInParts;
  readonly simulator: Simulator;
  /** Opens what clusters seal. */
  readonly sealing: SealingKeyPair;
  /** What the worker and workerd wrote. */
  readonly lines: readonly EdgeLogLine[];
  /** That the edge trusts, in the order of their precedence. */
  readonly clusters: readonly ClusterUnderTest[];
  /** The first of them. */
  readonly cluster: ClusterUnderTest;
  /** What the worker is configured with. */
  readonly vars: Readonly<Record<string, string>>;
  /** A client of a cluster, the first if none is named, that keeps asking these isolates until the test is over. */
  startClient(cluster?: ClusterUnderTest, urls?: readonly string[]): SteadyClient;
  /** Kills an isolate and starts another in its place, with faults from its first request on. */
  restartIsolate(index: number, options?: { readonly faults?: Faults; readonly emptyCache?: boolean }): Promise<void>;
  /** Resolves when KV holds what the hub has admitted last of a cluster, the first if none is named. @returns the pointer */
  copiedToKv(cluster?: ClusterUnderTest): Promise<string>;
  /** Ends agents and clients of one test, and whatever went wrong in it. @throws {Error} with the clients' complaints */
  endTest(): Promise<void>;
  dispose(): Promise<void>;
}

export interface EdgeUnderTestOptions {
  /** By name, in the order of their precedence; absent: one, named `test`, that may serve everything. */
  readonly clusters?: Readonly<Record<string, Partial<ClusterTrust>>>;
  readonly isolates?: number;
  /** What the worker's bundle has other than that of today. */
  readonly replace?: BundleOptions['replace'];
  /** Further variables of the worker. */
  readonly vars?: Readonly<Record<string, string>>;
}

const FAULTY_WORKER = 'test/support/faulty-worker.ts';

/** The worker on bindings that fail when a test says so (faults.ts). */
export function bundleFaultyWorker(replace: BundleOptions['replace'] = {}): Promise<string> {
  return bundleWorker({ entry: FAULTY_WORKER, replace });
}

export async function startEdgeUnderTest(options: EdgeUnderTestOptions = {}): Promise<EdgeUnderTest> {
  const { clusters: trusts = { test: {} }, isolates = 2, vars = {} } = options;
  const [script, simulator, sealing] = await Promise.all([
    bundleFaultyWorker(options.replace),
    startSimulator({ pace: instantPace, apiKey: PROVIDER_KEY }),
    makeSealingKey(),
  ]);
  const signing = await Promise.all(Object.keys(trusts).map(() => makeSigningKey()));
  const lines: EdgeLogLine[] = [];
  const allVars = (origin: string): Record<string, string> => ({
    FAIRLEAD_ENDPOINT: origin,
    FAIRLEAD_CLUSTERS: trustList(trusts, signing),
    FAIRLEAD_SEALING_KEYS: workerSealingKeys([sealing]),
    FAIRLEAD_LOCAL: 'true',
    ...vars,
  });
  const edge = await startEdgeInParts({
    port: 0,
    isolates,
    script,
    vars: allVars,
    onLog: (line) => lines.push(line),
  });
  const clusters = await Promise.all(
    Object.keys(trusts).map((name, index) =>
      startClusterUnderTest({ name, edge, simulator, sealing, signing: signing[index] ?? fail() }),
    ),
  );
  const cluster = clusters[0] ?? fail();
  const clients = new Set<SteadyClient>();
  const parts = [edge.hub, ...edge.isolates];
  const mend = async (): Promise<void> => {
    await edge.hub.start();
    await Promise.all(edge.isolates.map((isolate) => isolate.start()));
    await Promise.all(parts.map((part) => setFaults(part, {})));
  };
  const endTest = async (): Promise<void> => {
    const ended = [...clients];
    clients.clear();
    await Promise.all([...ended.map((client) => client.stop()), ...clusters.map((each) => each.stopAgents())]);
    await mend();
    for (const client of ended) client.assertContent();
  };
  return {
    edge,
    simulator,
    sealing,
    lines,
    clusters,
    cluster,
    vars: allVars(edge.url),
    startClient({ clientKey: key, model } = cluster, urls = edge.urls) {
      const client = new SteadyClient({ urls, key, model });
      clients.add(client);
      return client;
    },
    async restartIsolate(index, { faults = {}, emptyCache = false } = {}) {
      const isolate = edge.isolates[index];
      await isolate?.stop({ wipe: emptyCache });
      await isolate?.start({ vars: { ...allVars(edge.url), [FAULTS_AT_START]: JSON.stringify(faults) } });
    },
    async copiedToKv(of = cluster) {
      const { current } = await (await of.calls()).state();
      const jws = current?.jws ?? fail('the hub holds nothing');
      await eventually('KV has what the hub has admitted', async () => {
        const copy = await edge.kv.get(pointerKey(of.name));
        return copy !== null && new TextDecoder().decode(copy) === jws;
      });
      return jws;
    },
    endTest,
    async dispose() {
      // What clients complained of was told at the end of their test.
      await endTest().catch(() => undefined);
      await Promise.all([edge.dispose(), simulator.close(), ...clusters.map(({ folder }) => folder.dispose())]);
    },
  };
}

/** The value of FAIRLEAD_CLUSTERS. @param signing a key, or two, for each */
export function trustList(
  trusts: Readonly<Record<string, Partial<ClusterTrust>>>,
  signing: readonly (SigningKeyPair | readonly SigningKeyPair[])[],
): string {
  return JSON.stringify(
    Object.entries(trusts).map(([name, trust], index) => ({
      name,
      verifyingKeys: [signing[index] ?? fail()].flat().map(({ publicJwk }) => publicJwk),
      ...trust,
    })),
  );
}

function fail(sentence = 'there is a key for every cluster'): never {
  throw new Error(sentence);
}
