import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { importSigningKey, signPointer } from '../../../contract/revision.ts';
import { inboxLatestKey, redisKey } from '../../../contract/storage-keys.ts';
import { makeSigningKey } from '../../../sync-agent/keys.ts';
import type { Edge } from '../../../dev/edge.ts';
import { startCloudflareKvServer, type KvStore } from '../../support/cloudflare-kv-server.ts';
import type { ClusterUnderTest } from '../../support/cluster-under-test.ts';
import { startEdgeUnderTest, type EdgeUnderTest } from '../../support/edge-under-test.ts';
import { isRedisServerMissing, startRedisServer } from '../../support/redis-server.ts';
import { documents, edgeGateway, secret } from '../../support/resource-files.ts';
import type { AgentSurroundings } from '../../support/running-agent.ts';
import type { SteadyClient } from '../../support/steady-client.ts';
import { startUpstashBridge } from '../../support/upstash-bridge.ts';

/** A minute, otherwise: how often the hub looks for what nobody told it of. */
const LOOK_SOON = {
  'worker/table/hub-inboxes.ts': (source: string) => source.replace('LOOK_EVERY_MS = 60_000', 'LOOK_EVERY_MS = 500'),
};

interface InboxUnderTest {
  /** What the worker must know of it. */
  readonly vars: Readonly<Record<string, string>>;
  /** `spec.publish` of the EdgeGateway, and the Secret that it names. */
  readonly publish: Readonly<Record<string, unknown>>;
  readonly credentials: string;
  readonly surroundings: AgentSurroundings;
  /** As whoever has write access would. */
  putLatest(edge: Edge, jws: string): Promise<void>;
  /** How many requests the store has had. */
  requests(): number;
  stop(): Promise<void>;
}

async function redisInbox(): Promise<InboxUnderTest> {
  const redis = await startRedisServer();
  const bridge = await startUpstashBridge({ socket: redis.socket });
  return {
    vars: { UPSTASH_REDIS_REST_URL: bridge.url, UPSTASH_REDIS_REST_TOKEN: bridge.token },
    publish: {
      type: 'UpstashRedis',
      upstashRedis: { url: bridge.url, tokenSecretRef: { name: 'inbox', key: 'token' } },
    },
    credentials: secret('inbox', new URL(bridge.url).host, { token: bridge.token }),
    surroundings: {},
    putLatest: async (edge, jws) => {
      await bridge.command('SET', redisKey(edge.url, inboxLatestKey('test')), jws);
    },
    requests: () => bridge.requests.length,
    async stop() {
      await bridge.stop();
      await redis.stop();
    },
  };
}

/** @param edge known once it runs: the double writes into its KV */
async function kvInbox(edge: () => Edge): Promise<InboxUnderTest> {
  const server = await startCloudflareKvServer({ clock: Date, store: storeOf(edge) });
  return {
    vars: {},
    publish: {
      type: 'CloudflareKV',
      cloudflareKV: {
        accountId: server.accountId,
        namespaceId: server.namespaceId,
        apiTokenSecretRef: { name: 'inbox', key: 'token' },
      },
    },
    credentials: secret('inbox', new URL(server.apiURL).host, { token: server.apiToken }),
    surroundings: { cloudflareAPI: server.apiURL },
    putLatest: (running, jws) => running.kv.put(inboxLatestKey('test'), jws),
    requests: () => server.requests.length,
    stop: () => server.stop(),
  };
}

function storeOf(edge: () => Edge): KvStore {
  return {
    get: async (key) => (await edge().kv.get(key))?.slice() ?? undefined,
    put: (key, value, options) => edge().kv.put(key, value, options),
    delete: (key) => edge().kv.delete(key),
    list: (prefix) => edge().kv.list(prefix),
  };
}

const redisIsMissing = isRedisServerMissing();

describe.each([
  ['CloudflareKV', false],
  ['UpstashRedis', redisIsMissing],
])('an agent that publishes by %s', (kind, isMissing) => {
  describe.skipIf(isMissing)('has an inbox', () => {
    let world: EdgeUnderTest;
    let cluster: ClusterUnderTest;
    let inbox: InboxUnderTest;
    let client: SteadyClient;
    let step = 0;

    beforeAll(async () => {
      inbox = kind === 'UpstashRedis' ? await redisInbox() : await kvInbox(() => world.edge);
      world = await startEdgeUnderTest({ replace: LOOK_SOON, vars: inbox.vars });
      ({ cluster } = world);
      const { kid, publicKey } = world.sealing;
      await cluster.folder.write(
        'edge.yaml',
        documents(
          edgeGateway({
            endpoint: world.edge.url,
            clusterName: 'test',
            sealingKeys: [{ kid, publicKey }],
            publish: inbox.publish,
          }),
          inbox.credentials,
        ),
      );
      await cluster.publish(++step, inbox.surroundings);
    });
    afterEach(() => world.endTest());
    afterAll(async () => {
      await world?.dispose();
      await inbox?.stop();
    });

    const watch = async (): Promise<void> => {
      client = world.startClient();
      await client.sees(step);
    };

    test('through which every edit arrives', async () => {
      await watch();
      const agent = await cluster.startAgent(inbox.surroundings);
      const before = inbox.requests();
      for (const _ of [1, 2]) {
        await cluster.write(++step);
        await client.sees(step);
      }
      expect(inbox.requests()).toBeGreaterThan(before);
      await agent.stop();
    });

    test('that takes an edit while the edge is down; the edge admits it when it is back, though the agent is gone', async () => {
      await watch();
      const agent = await cluster.startAgent(inbox.surroundings);
      await agent.served();
      const parts = [world.edge.hub, ...world.edge.isolates];
      await Promise.all(parts.map((part) => part.stop()));
      await cluster.write(++step);
      const failure = await agent.events.next('word that it waits in the inbox', ({ type }) => type === 'failed');
      expect(failure).toMatchObject({ sentence: expect.stringContaining('inbox') });
      await agent.stop();
      await Promise.all(parts.map((part) => part.start()));
      await client.sees(step);
    });

    test('in which nothing counts that was not signed, or was served before', async () => {
      await watch();
      const calls = await cluster.calls();
      const { current } = await calls.state();
      if (current === null) throw new Error('the hub holds nothing');
      const { pointer } = current;
      await cluster.publish(++step, inbox.surroundings);
      await client.sees(step);
      const stranger = await importSigningKey((await makeSigningKey()).privateJwk);
      const forged = { ...pointer, generation: { term: pointer.generation.term + 9, sequence: 1 } };
      for (const jws of [current.jws, await signPointer(forged, stranger), 'no pointer at all']) {
        const looked = world.lines.length;
        await inbox.putLatest(world.edge, jws);
        await expect
          .poll(() => world.lines.slice(looked).some(({ message }) => message.includes('in an inbox is refused')), {
            timeout: 10_000,
          })
          .toBe(true);
        await client.rounds(2);
        await client.sees(step);
      }
      await cluster.publish(++step, inbox.surroundings);
      await client.sees(step);
    });
  });
});
