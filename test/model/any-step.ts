import * as fc from 'fast-check';
import { ATTACKS } from './attacks.ts';
import type { Command, Step } from './commands.ts';
import type { Memory } from './edge-world.ts';
import type { KvCondition } from './lagging-kv.ts';
import { CLUSTERS } from './model-clusters.ts';
import { KEYS, TABLES } from './model-tables.ts';
import type { Mishap } from './network.ts';
import { PLACES } from './place.ts';

const cluster = fc.constantFrom(...CLUSTERS);
const place = fc.constantFrom(...PLACES);
const number = fc.nat(11);
const table = fc.nat(TABLES - 1);
const agent = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(1) });
const how = fc.constantFrom<false | 'refused' | 'hanging'>(false, 'refused', 'hanging');
const mishaps = fc.array(
  fc.constantFrom<Mishap>('pass', 'lost-request', 'lost-answer', 'hang', 'late-answer', 'sent-twice'),
  { minLength: 1, maxLength: 5 },
);
const memory = fc.constantFrom<Memory>('latest', 'older', 'none');
const through = fc.constantFrom<'edge' | 'inbox'>('edge', 'edge', 'inbox');
const condition = fc.constantFrom<KvCondition>('up', 'failing', 'hanging');
const leavesAfterMs = fc.option(fc.nat(3_000), { nil: undefined, freq: 4 });
const longWait = fc.oneof(
  fc.integer({ min: 1, max: 5_000 }),
  fc.integer({ min: 5_000, max: 180_000 }),
  fc.integer({ min: 1, max: 30 }).map((hours) => hours * 3_600_000),
);

const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ do: fc.constant('publish'), cluster, agent, table }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('publish in a row'),
      cluster,
      from: table,
      times: fc.integer({ min: 2, max: 14 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('evict'), cluster }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('start agent'), cluster, agent, memory, through }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('kill agent'), cluster, agent }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('agent looks'), cluster, agent }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('agents meet'), mishaps }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cut agents'), how }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('birth'), place }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('kill isolate'), which: number }) },
  {
    weight: 14,
    arbitrary: fc.record({ do: fc.constant('request'), which: number, cluster, key: fc.nat(KEYS - 1), leavesAfterMs }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('isolates meet'), place, mishaps }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cut place'), place, how }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('cut hub'), how }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('starve place'), place, on: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('restart hub') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wipe hub') }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('kv'), condition }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('forget cache'), place }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('attack'), cluster, what: fc.constantFrom(...ATTACKS), which: number }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rotate keys'), cluster }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('wait'), ms: longWait }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('quiet') }) },
);

export const anyStep: fc.Arbitrary<Step> = fc.record({
  command: anyCommand,
  thenMs: fc.oneof(
    { weight: 3, arbitrary: fc.nat(300) },
    { weight: 2, arbitrary: fc.integer({ min: 300, max: 4_000 }) },
    { weight: 1, arbitrary: fc.integer({ min: 4_000, max: 40_000 }) },
  ),
});
