import { afterEach, describe, expect, test } from 'vitest';
import { PUBLISH_PATHS, servedRevisions } from '../../contract/publish-api.ts';
import { startSimulator } from '../../dev/simulator/server.ts';
import { instantPace } from '../../dev/simulator/pace.ts';
import { startGateway, type GatewayUnderTest } from '../support/gateway.ts';
import { consumer, documents, model, provider, route } from '../support/resource-files.ts';
import { startAgentInProcess, startAgentProcess, type StartAgent } from '../support/running-agent.ts';

const KEY = 'sk-test-someone';

describe('each part may be restarted', () => {
  let gateway: GatewayUnderTest;
  afterEach(() => gateway?.dispose());

  const start = async (startAgent: StartAgent): Promise<void> => {
    gateway = await startGateway({
      startAgent,
      files: (simulator) => ({
        'all.yaml': documents(
          provider('simulator', { baseURL: `${simulator}/v1` }),
          model('demo', { provider: 'simulator' }),
          route('chat', ['demo']),
          consumer('someone', KEY),
        ),
      }),
    });
  };
  const statusOf = async (key = KEY): Promise<number> => {
    const response = await fetch(`${gateway.edge.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'demo', messages: [{ role: 'user', content: 'Hi' }] }),
    });
    await response.body?.cancel();
    return response.status;
  };
  const servedRevision = async (): Promise<string | null | undefined> => {
    const response = await fetch(new URL(PUBLISH_PATHS.revision, gateway.edge.url));
    return servedRevisions.parse(await response.json()).clusters[0]?.revision;
  };

  test('an edge that comes back with its storage serves the last table, without any agent', async () => {
    await start(startAgentInProcess);
    const before = await servedRevision();
    expect(before).toMatch(/^[0-9a-f]{12}$/);
    await gateway.agent.stop();
    await gateway.edge.stop();
    await gateway.edge.start();
    expect(await statusOf()).toBe(200);
    expect(await servedRevision()).toBe(before);
  });

  test('an edge that comes back empty says so, and the agent brings the table back by itself', async () => {
    await start((folder) => startAgentInProcess(folder, { resyncMs: 200 }));
    await gateway.edge.stop({ wipe: true });
    await gateway.edge.start();
    await gateway.agent.served();
    expect(await statusOf()).toBe(200);
  });

  test('an edge without a table answers 503, never 401', async () => {
    await start(startAgentInProcess);
    await gateway.agent.stop();
    await gateway.edge.stop({ wipe: true });
    await gateway.edge.start();
    expect(await statusOf()).toBe(503);
    expect((await fetch(`${gateway.edge.url}/healthz`)).status).toBe(503);
  });

  test.each(['stopped', 'killed'])(
    'while the agent is %s the edge goes on; what was edited meanwhile follows',
    async (how) => {
      await start(startAgentProcess);
      await (how === 'killed' ? gateway.agent.kill() : gateway.agent.stop());
      expect(await statusOf()).toBe(200);
      await gateway.folder.write('newcomer.yaml', consumer('newcomer', 'sk-test-newcomer'));
      await gateway.restartAgent();
      await gateway.agent.served();
      expect(await statusOf('sk-test-newcomer')).toBe(200);
      expect(await statusOf()).toBe(200);
    },
  );

  test('an agent that finds the edge as it should be publishes nothing', async () => {
    await start(startAgentProcess);
    const before = await servedRevision();
    await gateway.restartAgent();
    expect(await gateway.agent.served()).toBe(before);
    expect(await servedRevision()).toBe(before);
  });

  test('a provider that comes back is used again at once', async () => {
    await start(startAgentInProcess);
    await gateway.simulator.close();
    expect(await statusOf()).toBe(502);
    const again = await startSimulator({ port: gateway.simulator.port, pace: instantPace });
    expect(await statusOf()).toBe(200);
    await again.close();
  });
});
