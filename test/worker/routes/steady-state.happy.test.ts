import { reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, test } from 'vitest';
import { hubClient } from '../../../worker/table/hub-client.ts';
import { oneCluster, TestIsolate } from '../table/test-isolate.ts';
import { TestPublisher } from '../table/test-publisher.ts';
import { FakeUpstream } from '../support/fake-upstream.ts';
import { answers, completion, STREAM_WITH_USAGE, streams } from '../support/openai-answers.ts';
import { consumerEntry } from '../support/table-of-entries.ts';
import { KEY_DIGEST, oneBackend, TestEdge } from '../support/test-edge.ts';

const settings = await oneCluster();
afterEach(() => reset());

/** An edge that serves a published table out of a real hub and a real KV, both of which count. */
async function edgeWithStorage() {
  const hub = hubClient(env.TABLE_HUB);
  const isolate = new TestIsolate({ hub, kv: env.TABLE_KV, settings });
  const publisher = new TestPublisher(hub);
  await publisher.publish(oneBackend());
  const upstream = new FakeUpstream();
  const edge = new TestEdge({ upstream, tables: isolate.pickup });
  const answer = (stream: boolean) => (stream ? streams(STREAM_WITH_USAGE) : answers(completion()));
  /** How often storage had been asked when the provider was. */
  const asked = async (stream: boolean): Promise<number> => {
    let calls = Number.NaN;
    upstream.on('first.example', (call) => {
      calls = isolate.calls.length;
      return answer(stream)(call);
    });
    isolate.forget();
    await (await edge.chat({ stream })).text();
    return calls;
  };
  return { isolate, publisher, edge, asked };
}

describe('before the provider is asked, storage is asked', () => {
  test('on the first request of a cold isolate, in two round trips, and a third for a consumer of its first sight', async () => {
    const { isolate, asked } = await edgeWithStorage();
    expect(await asked(false)).toBeGreaterThan(0);
    expect(isolate.roundTrips).toBeLessThanOrEqual(3);
    await isolate.settled();
  });

  test('never in the steady state, streamed or not', async () => {
    const { isolate, asked } = await edgeWithStorage();
    await asked(false);
    await isolate.settled();
    for (const stream of [false, true, false, true]) expect(await asked(stream)).toBe(0);
  });

  test('in the background only, when the next question to the hub is due', async () => {
    const { isolate, publisher, edge, asked } = await edgeWithStorage();
    await asked(false);
    await isolate.settled();
    const entries = oneBackend({ consumers: { [KEY_DIGEST]: consumerEntry({ allowedModels: [] }) } });
    await publisher.publish(entries);
    isolate.time += 600;
    // The question is put, and this request does not wait for the answer.
    expect(await asked(false)).toBeLessThanOrEqual(1);
    await isolate.settled();
    expect((await edge.chat()).status).toBe(403);
    await isolate.settled();
  });
});
