import { describe, expect, test } from 'vitest';
import type { ClusterTrust } from '../../../contract/cluster-trust.ts';
import { bucketFault, namedBuckets, unknownSchema, type NamedBucket } from '../../../worker/table/admission.ts';
import { inspectBucket, type BucketFacts } from '../../../worker/table/bucket-facts.ts';
import { aModel, aRoute, makeTable, type Entries } from './make-table.ts';

describe('the authority of a cluster', () => {
  test.each([
    [['*'], [], true],
    [['*'], ['anything.example.com'], true],
    [['llm.example.com'], ['llm.example.com'], true],
    [['*.example.com'], ['llm.example.com', '*.eu.example.com', '*.example.com'], true],
    [['*.example.com'], ['example.com'], false],
    [['*.example.com'], [], false],
    [['llm.example.com'], ['*.example.com'], false],
    [['*.eu.example.com'], ['*.example.com'], false],
    [['a.com', 'b.com'], ['a.com', 'b.com'], true],
    [['a.com', 'b.com'], ['a.com', 'c.com'], false],
    [[], ['a.com'], false],
  ])('with the host names %j reaches a route for %j: %s', async (hostnames, asked, allowed) => {
    const fault = await faultOf({ routes: { 'team/r': aRoute({ hostnames: asked }) } }, { hostnames });
    expect(fault?.rule).toBe(allowed ? undefined : 'authority');
  });

  test.each([
    [['*'], 'gpt-4o', true],
    [['gpt-*'], 'gpt-4o', true],
    [['gpt-*'], 'claude', false],
    [['gpt-*'], '__proto__', false],
    [[], 'gpt-4o', false],
  ])('with the models %j reaches %s, claimed by a route or served as an alias: %s', async (models, name, allowed) => {
    const route: Entries = { routes: { 'team/r': aRoute({ models: JSON.parse(`{"${name}":"team/m"}`) }) } };
    const model: Entries = { models: { 'team/m': aModel({ modelName: models[0] ?? 'm', aliases: [name] }) } };
    for (const entries of [route, model])
      expect((await faultOf(entries, { models }))?.rule).toBe(allowed ? undefined : 'authority');
  });

  test('that is not enough says what was asked and what is granted', async () => {
    const fault = await faultOf({ routes: { 'team/r': aRoute() } }, { hostnames: ['a.com', '*.b.com'] });
    expect(fault?.message).toBe(
      'The cluster prod may not serve every host name: its hostnames in FAIRLEAD_CLUSTERS are a.com, *.b.com.',
    );
  });
});

test.each([
  [99, "deploy the agent's release of the worker first"],
  [0, "run the worker's release of the agent"],
])('a table of schema version %i, which this edge does not read, is refused with advice', (version, advice) => {
  expect(unknownSchema(version)).toMatchObject({ rule: 'schema-version', message: expect.stringContaining(advice) });
});

test('an empty bucket is in its place anywhere', () => {
  const inspection = inspectBucket('models', new TextEncoder().encode('{}'));
  expect(inspection).toEqual({ facts: { range: null, routes: [], models: [] } satisfies BucketFacts });
});

async function faultOf(entries: Entries, change: Partial<ClusterTrust>) {
  const trust: ClusterTrust = { name: 'prod', verifyingKeys: [], hostnames: ['*'], models: ['*'], ...change };
  const { sections, blobs } = await makeTable(entries);
  const [bucket] = namedBuckets({ sections });
  return bucketFault(bucket!, factsOf(bucket!, blobs), trust);
}

function factsOf({ kind, sha256 }: NamedBucket, blobs: ReadonlyMap<string, Uint8Array>): BucketFacts {
  const inspection = inspectBucket(kind, blobs.get(sha256)!);
  if ('fault' in inspection) throw new Error(inspection.fault);
  return inspection.facts;
}
