import assert from 'node:assert/strict';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { canonicalJson, type Json } from '../../../contract/canonical-json.ts';
import { sha256Hex } from '../../../contract/encoding.ts';
import { PUBLISH_PATHS } from '../../../contract/publish-api.ts';
import { importSigningKey, signDocument, signPointer, type KeyWithId } from '../../../contract/revision.ts';
import type { Pointer } from '../../../contract/routing-table.ts';
import { makeSigningKey } from '../../../sync-agent/keys.ts';
import type { ClusterUnderTest } from '../../support/cluster-under-test.ts';
import { startEdgeUnderTest, type EdgeUnderTest } from '../../support/edge-under-test.ts';
import type { SignedCalls } from '../../support/signed-calls.ts';
import type { SteadyClient } from '../../support/steady-client.ts';

/** Whoever holds a key, or none, tries to get in what must not get in; a client asks all the while. */
describe('a push that is not as it must be is refused whole, by a rule that is named', () => {
  let world: EdgeUnderTest;
  let cluster: ClusterUnderTest;
  let calls: SignedCalls;
  let client: SteadyClient;
  let pointer: Pointer;
  let step = 0;

  beforeAll(async () => {
    world = await startEdgeUnderTest({ clusters: { test: { hostnames: ['*'], models: ['*'] }, other: {} } });
    cluster = world.cluster;
    calls = await cluster.calls();
    await cluster.publish(++step);
    pointer = await currentPointer();
    client = world.startClient();
    await client.sees(step);
  });
  afterEach(async () => {
    await client.rounds(2);
    await client.sees(step);
    assert.deepEqual(await currentPointer(), pointer);
    client.assertContent();
  });
  afterAll(() => world?.dispose());

  const currentPointer = async (): Promise<Pointer> => {
    const { current } = await calls.state();
    if (current === null) throw new Error('the hub holds nothing');
    return current.pointer;
  };
  /** What the hub would admit, but for the changes. */
  const next = (changes: Partial<Pointer> = {}): Pointer => ({
    ...pointer,
    generation: { ...pointer.generation, sequence: pointer.generation.sequence + 1 },
    replaces: pointer.generation,
    issuedAt: '2026-10-01T00:00:00Z',
    ...changes,
  });
  const push = async (changes: Partial<Pointer>, key: KeyWithId = calls.key) =>
    calls.putPointer(await signPointer(next(changes), key));

  test('a blob that is not what its name says is not taken', async () => {
    const path = PUBLISH_PATHS.blob('test', await sha256Hex('{"what":"was meant"}'));
    expect(await calls.call('PUT', path, '{"what":"came"}')).toMatchObject({ status: 422, rule: 'blob-hash' });
  });

  test('a blob that no table holds makes its pointer refused', async () => {
    const nonsense = canonicalJson({ 'default/chat': { pathPrefix: 'no slash' } });
    const sha256 = await sha256Hex(nonsense);
    expect((await calls.call('PUT', PUBLISH_PATHS.blob('test', sha256), nonsense)).status).toBe(204);
    const answer = await push({ sections: { ...pointer.sections, routes: [sha256] } });
    expect(answer).toMatchObject({ status: 422, rule: 'blob-schema' });
  });

  test('a signature by a key that only calls itself trusted is none', async () => {
    const stranger = await importSigningKey((await makeSigningKey()).privateJwk);
    const answer = await push({}, { kid: calls.key.kid, key: stranger.key });
    expect(answer).toMatchObject({ status: 422, rule: 'signature' });
  });

  test('a request that nobody trusted signed is not read at all', async () => {
    const path = PUBLISH_PATHS.pointer('test');
    const unsigned = await fetch(world.edge.url + path, { method: 'PUT', body: await signPointer(next(), calls.key) });
    expect(unsigned.status).toBe(401);
    await unsigned.body?.cancel();
  });

  test("another cluster's key signs nothing for this one, neither pointer nor request", async () => {
    const [, other] = world.clusters;
    const others = await other!.calls();
    const jws = await signPointer(next(), others.key);
    expect(await calls.putPointer(jws)).toMatchObject({ status: 422, rule: 'signature' });
    expect(await others.call('PUT', PUBLISH_PATHS.pointer('test'), jws)).toMatchObject({ status: 401 });
    expect(await others.putPointer(jws)).toMatchObject({ status: 422, rule: 'cluster' });
  });

  test('a generation that is not above the one held is refused, and so is a pointer that does not know what it replaces', async () => {
    const { generation } = pointer;
    const behind = { ...generation, sequence: generation.sequence - 1 };
    for (const older of [generation, behind, { term: 0, sequence: 99 }])
      expect(await push({ generation: older })).toMatchObject({ status: 409, rule: 'generation' });
    expect(await push({ replaces: behind })).toMatchObject({ status: 409, rule: 'replaces' });
    expect(await push({ replaces: null })).toMatchObject({ status: 409, rule: 'replaces' });
  });

  test('a schema version that the hub does not know is refused as such', async () => {
    expect(await push({ schemaVersion: 9 })).toMatchObject({ status: 422, rule: 'schema-version' });
  });

  test('a pointer without one of the sections, or naming a blob that nobody put, is refused', async () => {
    const { keys: _, ...withoutKeys } = pointer.sections;
    const halved: Json = { ...next(), rollbackOf: null, sections: withoutKeys };
    const jws = await signDocument(canonicalJson(halved), 'fairlead-pointer+jws', calls.key);
    expect((await calls.putPointer(jws)).status).toBe(422);
    const nowhere = await sha256Hex('nobody put this');
    expect(await push({ sections: { ...pointer.sections, models: [nowhere] } })).toMatchObject({
      status: 409,
      rule: 'missing-blob',
    });
  });

  test('a table for another edge, of another cluster or of another UID is refused', async () => {
    expect(await push({ edge: 'https://elsewhere.example' })).toMatchObject({ status: 422, rule: 'edge' });
    expect(await push({ cluster: 'other' })).toMatchObject({ status: 422, rule: 'cluster' });
    expect(await push({ clusterUid: 'a-cluster-made-anew' })).toMatchObject({ status: 422, rule: 'cluster-uid' });
  });
});
