import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isKind, kinds } from '../../../crds/kinds.ts';
import { compile, createCompiler } from '../../../sync-agent/compile/compile.ts';
import type { Sighting } from '../../../sync-agent/inference/sighting.ts';
import {
  applyChange,
  resourceKey,
  type Resource,
  type ResourceKey,
  type SnapshotChange,
} from '../../../sync-agent/snapshot.ts';
import { digestOf, entriesOf, keysOf } from '../../support/read-compilation.ts';
import { EDGE } from '../../support/resource-builders.ts';
import { answer } from '../../support/arbitrary-services.ts';
import { resource, resources } from '../../support/arbitrary-resources.ts';
import { sightingsOf } from '../../support/service-builders.ts';

/** With what the edge answers, all questions alike. */
const answered = fc
  .tuple(resources, answer)
  .map(([list, seen]) => [...list, ...sightingsOf(compile(list, EDGE), seen)]);

/** Of the edge, to everything that it is asked then. */
interface Answer {
  readonly type: 'Answer';
  readonly seen: Sighting;
}

const change: fc.Arbitrary<SnapshotChange | Answer> = fc.oneof(
  { weight: 2, arbitrary: answer.map((seen) => ({ type: 'Answer' as const, seen })) },
  { weight: 3, arbitrary: resource.map((one) => ({ type: 'Set' as const, resource: one })) },
  { weight: 2, arbitrary: resource.map((one) => ({ type: 'Delete' as const, key: resourceKey(one) })) },
);

describe('the laws of compilation', () => {
  test('the order of the resources changes neither a byte nor a condition', () => {
    fc.assert(
      fc.property(
        answered.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))),
        ([list, shuffled]) => {
          expect(digestOf(compile(shuffled, EDGE))).toEqual(digestOf(compile(list, EDGE)));
        },
      ),
      { numRuns: 200 },
    );
  });

  test('after any changes, in any batches, the incremental result equals one from scratch', () => {
    fc.assert(
      fc.property(
        resources,
        fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), { maxLength: 12 }),
        (list, batches) => {
          const snapshot = new Map<ResourceKey, Resource>(list.map((one) => [resourceKey(one), one]));
          const compiler = createCompiler(EDGE);
          compiler.apply(list.map((one) => ({ type: 'Set', resource: one })));
          compiler.compile();
          for (const batch of batches) {
            const asked = compiler.compile();
            const changes = batch.flatMap((one): SnapshotChange[] =>
              one.type === 'Answer'
                ? sightingsOf(asked, one.seen).map((answering) => ({ type: 'Set', resource: answering }))
                : [one],
            );
            for (const one of changes) applyChange(snapshot, one);
            compiler.apply(changes);
            expect(digestOf(compiler.compile())).toEqual(digestOf(compile(snapshot.values(), EDGE)));
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  test('every bucket is what the hub admits, and the table has no loose ends', () => {
    fc.assert(
      fc.property(answered, (list) => {
        const compilation = compile(list, EDGE);
        const routes = entriesOf(compilation, 'routes');
        const models = entriesOf(compilation, 'models');
        const providers = entriesOf(compilation, 'providers');
        const consumers = entriesOf(compilation, 'consumers');
        const secretIds = new Set(compilation.secrets.map(({ id }) => id));

        const usedModels = new Set(Object.values(routes).flatMap((entry) => Object.values(entry.models)));
        expect(new Set(Object.keys(models))).toEqual(usedModels);
        const usedProviders = new Set(Object.values(models).flatMap((entry) => entry.backends.map((b) => b.provider)));
        expect(new Set(Object.keys(providers))).toEqual(usedProviders);
        const credentials = Object.values(providers).flatMap(({ auth, headers }) =>
          [auth?.credential, ...headers].flatMap((part) => (part?.type === 'Sealed' ? [part.id] : [])),
        );
        expect(new Set(credentials)).toEqual(secretIds);
        expect(new Set(keysOf(compilation))).toEqual(new Set(Object.keys(consumers).map((id) => id.slice(0, 32))));
      }),
      { numRuns: 200 },
    );
  });

  test('what stands in the map of entries is what is counted', () => {
    fc.assert(
      fc.property(answered, (list) => {
        const { entries, counts, sections } = compile(list, EDGE);
        const shipped = [...entries.keys()].map((key) => key.slice(0, key.indexOf('/')));
        expect(counts).toEqual({
          routes: shipped.filter((kind) => kind === 'GatewayRoute').length,
          models: shipped.filter((kind) => kind === 'AIModel').length,
          providers: shipped.filter((kind) => kind === 'LLMProvider').length,
          consumers: shipped.filter((kind) => kind === 'Consumer').length,
        });
        expect(sections.consumers.length).toBe(sections.keys.length);
        expect(shipped.every((kind) => isKind(kind))).toBe(true);
      }),
    );
  });

  test('every condition gives a reason that its kind documents, and no sentence holds a secret', () => {
    fc.assert(
      fc.property(answered, (list) => {
        for (const [key, conditions] of compile(list, EDGE).conditions) {
          const documented = Object.entries(kinds).find(([kind]) => key.startsWith(`${kind}/`))![1].conditions;
          expect(conditions.map(({ type }) => type)).toEqual(['Accepted', 'ResolvedRefs']);
          for (const { type, reason, message } of conditions) {
            expect(documented[type]).toContain(reason);
            expect(message).not.toMatch(/sk-[12]|nWGxne/);
          }
        }
      }),
    );
  });
});
