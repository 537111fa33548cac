import { describe, expect, test } from 'vitest';
import { compileAsSeen } from '../../../cli/edges/compile-as-seen.ts';
import { lookThrough } from '../../../cli/edges/look-through.ts';
import { gatewaysOf } from '../../../cli/places/gateways.ts';
import { standInFor } from '../../../cli/places/unread-secrets.ts';
import { compile, type Compiler } from '../../../sync-agent/compile/compile.ts';
import type { SightingWanted } from '../../../sync-agent/inference/sighting.ts';
import { providerEntry } from '../../../contract/routing-table.ts';
import type { SightingAnswer } from '../../../contract/sighting.ts';
import { PublishFailure } from '../../../sync-agent/publish/publish-failure.ts';
import type { SnapshotChange } from '../../../sync-agent/snapshot.ts';
import { EDGE, edgeGateway } from '../../support/resource-builders.ts';

const wanted = (id: string, digest = 'first'): SightingWanted => ({
  id,
  digest,
  entry: providerEntry.parse({
    dialect: 'OpenAI',
    baseURL: 'https://gpu.example.com',
    headers: [],
    timeouts: {},
    allow: { privateAddresses: false, plainText: false },
  }),
  secrets: [],
  paths: ['/v1'],
});

/** Wants one service after the other, as what is seen of the first leads to the second. */
class CompilerInSteps implements Compiler {
  readonly applied: SnapshotChange[] = [];
  apply(changes: Iterable<SnapshotChange>): void {
    this.applied.push(...changes);
  }
  compile() {
    const seen = this.applied.some((change) => change.type === 'Set' && change.resource.kind === 'EdgeSighting');
    const all = [
      wanted('team/a..inferenceservice-00000000'),
      ...(seen ? [wanted('team/b..inferenceservice-00000000')] : []),
    ];
    return { ...compile([], EDGE), sightings: new Map(all.map((one) => [one.id, one])) };
  }
}

describe('compiling as the agent does', () => {
  test('each service is looked at once, those also that come into sight by another', async () => {
    const compiler = new CompilerInSteps();
    const asked: string[] = [];
    await compileAsSeen(compiler, [], async ({ id }) => {
      asked.push(id);
      return { type: 'Seen', path: '/v1', models: ['llama'] };
    });
    expect(asked).toEqual(['team/a..inferenceservice-00000000', 'team/b..inferenceservice-00000000']);
    expect(compiler.applied.at(-1)).toEqual({
      type: 'Set',
      resource: {
        kind: 'EdgeSighting',
        metadata: { namespace: 'team', name: 'b..inferenceservice-00000000' },
        digest: 'first',
        sighting: { type: 'Seen', path: '/v1', models: ['llama'] },
      },
    });
  });
});

describe('looking through an edge', () => {
  const [gateway] = gatewaysOf([edgeGateway()]);
  const NEVER = new AbortController().signal;
  const through = (answer: () => Promise<SightingAnswer>) => {
    let calls = 0;
    const look = lookThrough({ look: () => (calls++, answer()) }, gateway!);
    return { look: (one: SightingWanted) => look(one, NEVER), calls: () => calls };
  };

  test('what the edge saw is told', async () => {
    const { look } = through(async () => ({ type: 'NotSeen', sentence: '503' }));
    expect(await look(wanted('team/a'))).toEqual({ type: 'NotSeen', sentence: '503' });
  });

  test('after a failure it is not asked again: that would take long and fail too', async () => {
    const { look, calls } = through(() => Promise.reject(new PublishFailure('outdated-edge', 'too old')));
    expect([await look(wanted('team/a')), await look(wanted('team/b'))]).toEqual([
      { type: 'Unasked' },
      { type: 'Unasked' },
    ]);
    expect(calls()).toBe(1);
  });

  test('what carries a secret that is not known here is not asked for', async () => {
    const { look, calls } = through(async () => ({ type: 'NotSeen', sentence: '401' }));
    const secrets = [{ id: 's', value: standInFor('it'), provider: 'team/a', origins: ['https://gpu.example.com'] }];
    expect(await look({ ...wanted('team/a'), secrets })).toEqual({ type: 'Unasked' });
    expect(calls()).toBe(0);
  });
});
