import { describe, expect, test } from 'vitest';
import { bring, fakeEdge, openedSecrets, publisherTo } from '../support/edge-bench.ts';
import { failureOf } from '../support/failure-of.ts';
import { wantedSighting } from '../support/wanted-sighting.ts';

const never = new AbortController().signal;
const ID = 'ai/llama..inferenceservice-0a1b2c3d';

describe('asking the edge what it sees', () => {
  test('the question holds the entry, the paths and its secrets, sealed to the edge', async () => {
    const edge = fakeEdge();
    edge.sees = () => ({ type: 'Seen', path: '/v1', models: ['llama'] });
    const wanted = wantedSighting(ID, 'd1', 'access-secret');
    const sighting = await (await publisherTo(edge)).look(wanted, never);
    expect(sighting).toEqual({ type: 'Seen', path: '/v1', models: ['llama'] });
    const [question] = edge.questions;
    expect(question).toMatchObject({ provider: ID, entry: wanted.entry, paths: ['/openai/v1', '/v1'] });
    expect(Object.keys(question?.secrets ?? {})).toEqual(wanted.secrets.map(({ id }) => id));
    expect(JSON.stringify(question)).not.toContain('access-secret');
  });

  test('a secret is sealed once, for the question and for the table that follows', async () => {
    const edge = fakeEdge();
    const publisher = await publisherTo(edge);
    const table = { routes: {}, secrets: { cc: 'access-secret' } };
    const wanted = { ...wantedSighting(ID, 'd1', 'access-secret') };
    const asTable = { ...wanted, secrets: wanted.secrets.map((one) => ({ ...one, provider: 'ai/openai' })) };
    await publisher.look(asTable, never);
    await publisher.look(asTable, never);
    await bring(publisher, table);
    await publisher.look(asTable, never);
    expect((await bring(publisher, table)).published).toBe(false);
    expect(await openedSecrets(edge)).toEqual({ cc: 'access-secret' });
    const sealed = edge.questions.map(({ secrets }) => Object.values(secrets)[0]?.sealed);
    expect(new Set(sealed).size).toBe(1);
    const [bucket = ''] = edge.current?.pointer.sections.secrets ?? [];
    expect(new TextDecoder().decode(edge.blobs.get(bucket))).toContain(sealed[0]);
  });

  test('a worker that does not know the question leaves everything as the specification says', async () => {
    const edge = fakeEdge();
    const message = 'Nothing is served at this path.';
    edge.mishap = ({ step }) =>
      step === 'look'
        ? Response.json({ error: { message, type: 'invalid_request_error', code: 'not_found' } }, { status: 404 })
        : undefined;
    expect(await (await publisherTo(edge)).look(wantedSighting(ID), never)).toEqual({ type: 'Unasked' });
  });

  test('an edge that cannot be asked is no answer', async () => {
    const edge = fakeEdge();
    edge.mishap = () => 'refused-connection';
    const failure = await failureOf((await publisherTo(edge)).look(wantedSighting(ID), never));
    expect(failure.fault).toBe('unreachable');
    expect(edge.calls('look')).toBe(1);
  });
});

describe('telling the edge of load', () => {
  test('a report goes to the hub as it is', async () => {
    const edge = fakeEdge();
    const report = { ttlMs: 15_000, signals: [{ provider: ID, ready: 2, desired: 3, waiting: 7, cacheUse: 0.4 }] };
    await (await publisherTo(edge)).sendSignals(report, never);
    expect(edge.reports).toEqual([report]);
  });
});
