import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compile } from '../../../sync-agent/compile/compile.ts';
import {
  lossesOf,
  serviceLosses,
  shrinkVerdict,
  tableDigest,
  type ShrinkInput,
} from '../../../sync-agent/guards/shrink.ts';
import type { Compilation } from '../../../sync-agent/compile/compilation.ts';
import { tableDifference } from '../../../sync-agent/table-difference.ts';
import { compileSeen, inferenceService } from '../../support/service-builders.ts';
import type { ResourceChanges } from '../../../sync-agent/status/resource-changes.ts';
import {
  consumer,
  EDGE,
  edgeGateway,
  edgeKeys,
  model,
  provider,
  route,
  secret,
} from '../../support/resource-builders.ts';

function named(kind: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${kind}/ai/n${i}`);
}

/** What is lost of one kind, where the edge holds `of` and the next table drops and adds some. */
function lostOf(kind: 'AIModel' | 'GatewayRoute' | 'Consumer', of: number, dropped: number, added = 0): string[] {
  const counts = { models: 0, routes: 0, providers: 0, consumers: 0 };
  const counted = { AIModel: 'models', GatewayRoute: 'routes', Consumer: 'consumers' } as const;
  counts[counted[kind]] = of - dropped + added;
  const changes: ResourceChanges = {
    added: Array.from({ length: added }, (_, i) => `${kind}/ai/new${i}`),
    changed: [],
    removed: named(kind, dropped),
  };
  return lossesOf(changes, counts).map((loss) => `${loss.dropped.length}/${loss.of} ${loss.kind}`);
}

describe('what is too much to lose', () => {
  test.each([
    ['nothing of nothing', 0, 0, false],
    ['the only one', 1, 1, true],
    ['one of two', 2, 1, false],
    ['all but one of a few', 9, 8, false],
    ['nine of twenty, which are fewer than ten', 20, 9, false],
    ['ten of twenty', 20, 10, true],
    ['ten of thirty, which are exactly a third', 30, 10, false],
    ['eleven of thirty', 30, 11, true],
    ['a third of very many', 9_000, 3_000, false],
    ['more than a third of very many', 9_000, 3_001, true],
    ['all of very many', 9_000, 9_000, true],
  ])('%s', (_, of, dropped, isTooMuch) => {
    expect(lostOf('AIModel', of, dropped)).toEqual(isTooMuch ? [`${dropped}/${of} models`] : []);
    expect(lostOf('GatewayRoute', of, dropped)).toEqual(isTooMuch ? [`${dropped}/${of} routes`] : []);
    expect(lostOf('Consumer', of, dropped)).toEqual(isTooMuch ? [`${dropped}/${of} consumers`] : []);
  });

  test('is counted against what the edge holds, not against what comes in its place', () => {
    expect(lostOf('AIModel', 3, 3, 50)).toEqual(['3/3 models']);
    expect(lostOf('Consumer', 100, 34, 1_000)).toEqual(['34/100 consumers']);
  });

  test('is not a provider: who calls through it notices by the models', () => {
    const changes = { added: [], changed: [], removed: named('LLMProvider', 50) };
    expect(lossesOf(changes, { models: 0, routes: 0, providers: 0, consumers: 0 })).toEqual([]);
  });

  test('is decided by what is dropped and what stays alone', () => {
    fc.assert(
      fc.property(fc.nat(200), fc.nat(200), fc.nat(50), (kept, dropped, added) => {
        const isTooMuch = dropped > 0 && (kept === 0 || (dropped > 9 && 2 * dropped > kept));
        expect(lostOf('GatewayRoute', kept + dropped, dropped, added).length > 0).toBe(isTooMuch);
      }),
    );
  });
});

describe('a table that drops too much', () => {
  const input: ShrinkInput = {
    gateway: 'ai/edge',
    losses: [
      { kind: 'models', dropped: named('AIModel', 1), of: 1 },
      { kind: 'consumers', dropped: named('Consumer', 40), of: 100 },
    ],
    digest: '0123456789ab',
    allowShrink: undefined,
    mode: 'Hold',
  };

  test('waits, and says what it would drop and which command lets it', () => {
    expect(shrinkVerdict(input)).toEqual({
      type: 'Wait',
      hold: {
        reason: 'ShrinkHeld',
        sentence:
          'it would drop the only model (AIModel/ai/n0), 40 of 100 consumers (Consumer/ai/n0, Consumer/ai/n1, Consumer/ai/n2 ' +
          'and 37 more). If that is meant, run: kubectl annotate edgegateway -n ai edge ' +
          'fairlead.dev/allow-shrink=0123456789ab --overwrite (or, where resources are files, write that annotation ' +
          "into the EdgeGateway's)",
      },
    });
  });

  test.each<[string, Partial<ShrinkInput>, string]>([
    ['waits where another table is allowed', { allowShrink: 'ba9876543210' }, 'Wait'],
    ['is published where it is allowed', { allowShrink: '0123456789ab' }, 'Publish'],
    ['is published with a warning by an agent that warns', { mode: 'Warn' }, 'PublishWarning'],
    ['is published where it is allowed, without a warning', { mode: 'Warn', allowShrink: '0123456789ab' }, 'Publish'],
    ['is published where it drops nothing', { losses: [] }, 'Publish'],
  ])('%s', (_, change, verdict) => {
    expect(shrinkVerdict({ ...input, ...change }).type).toBe(verdict);
  });
});

describe('the digest of a table', () => {
  const resources = [edgeGateway(), edgeKeys(), route(), model(), provider(), consumer()];
  const digest = (more: typeof resources = []) => tableDigest(compile([...resources, ...more], EDGE).sections);

  test('is 12 hexadecimal digits, and the same for the same resources', () => {
    expect(digest()).toMatch(/^[0-9a-f]{12}$/);
    expect(digest()).toBe(digest([secret({ k: 'unused' })]));
  });

  test('does not change with the annotation that names it', () => {
    const annotated = edgeGateway({}, { annotations: { 'fairlead.dev/allow-shrink': digest() } });
    expect(digest([annotated])).toBe(digest());
  });

  test('is another with any other resource', () => {
    expect(
      digest([consumer({ keys: [{ name: 'k', type: 'SHA256', sha256: 'b'.repeat(64) }] }, { name: 'b' })]),
    ).not.toBe(digest());
  });
});

describe('discovered services that go', () => {
  const gateway = edgeGateway({
    allowed: [{ name: 'all', namespaces: { type: 'All' } }],
    discovery: [
      { name: 'all', labelSelector: { matchLabels: { publish: 'true' } }, modelNameTemplate: '{name}-{model}' },
    ],
  });
  const tableOf = (count: number, first = 0) =>
    compileSeen(
      [
        gateway,
        edgeKeys(),
        ...Array.from({ length: count }, (_, i) =>
          inferenceService({}, { name: `s${first + i}`, labels: { publish: 'true' } }),
        ),
      ],
      { type: 'Seen', path: '/v1', models: ['a', 'b'] },
    );
  const hashes = ({ sections }: Compilation) => ({
    routes: [],
    models: sections.models.map(({ sha256 }) => sha256),
    providers: [],
    consumers: [],
  });
  const lost = (before: Compilation, after: Compilation): string => {
    const bytes = new Map(before.sections.models.map(({ sha256, bytes }) => [sha256, bytes]));
    const difference = tableDifference(hashes(before), (hash) => bytes.get(hash), after.sections);
    const services = serviceLosses(difference, after.sections.models);
    return lossesOf({ added: [], changed: [], removed: [] }, after.counts, services)
      .map((loss) => `${loss.dropped.length}/${loss.of} ${loss.kind}`)
      .join();
  };

  test.each([
    ['the only one', 1, 0, 0, ''],
    ['nine of nine', 9, 0, 0, ''],
    ['all of twelve', 12, 0, 0, '12/12 services'],
    ['ten of thirty', 30, 20, 10, ''],
    ['eleven of thirty', 30, 19, 11, '11/30 services'],
    ['twelve of twelve, which others take the place of', 12, 12, 12, '12/12 services'],
  ])('%s', (_, before, after, first, expected) => {
    expect(lost(tableOf(before), tableOf(after, first))).toBe(expected);
  });
});
