import { MAX_BUCKET_BYTES } from '../../contract/buckets.ts';
import { canonicalJson } from '../../contract/canonical-json.ts';
import {
  consumerEntry,
  modelEntry,
  providerEntry,
  routeEntry,
  type SectionEntries,
} from '../../contract/routing-table.ts';
import type { ResourceKey } from '../snapshot.ts';
import type { Rule, Step } from './engine.ts';
import { compareSeniority, type Facts, type PlacedEntry, type PlacedKind } from './facts.ts';
import { entryBytes, leafOf } from './section.ts';

/** What one entry may take of a bucket, in bytes. */
const MAX_ENTRY_BYTES = MAX_BUCKET_BYTES / 4;

/** What each section takes; the hub refuses a whole table for one entry that is not of this form. */
const SCHEMAS = { routes: routeEntry, models: modelEntry, providers: providerEntry, consumers: consumerEntry };

/** An entry that is to be placed. */
interface Placing<K extends PlacedKind> extends Omit<PlacedEntry, 'json'> {
  readonly entry: SectionEntries[K][string];
}

/** Gives an entry its place in a section. False, with a problem for its resource, where there is none for it. */
export function placeEntry<K extends PlacedKind>(
  step: Step,
  facts: Facts,
  kind: K,
  { entry, ...placing }: Placing<K>,
): boolean {
  const checked = SCHEMAS[kind].safeParse(entry);
  if (!checked.success) {
    const fields = checked.error.issues.map(({ path }) => path.join('.')).join(', ');
    refuse(step, facts, placing.resources, `The routing table does not take its value of ${fields}.`);
    return false;
  }
  const placed = { ...placing, json: canonicalJson(entry) };
  const bytes = entryBytes(placed);
  if (bytes > MAX_ENTRY_BYTES) {
    const size = `${Math.ceil(bytes / 1024)} KB in the routing table, and ${MAX_ENTRY_BYTES / 1024} KB are the most`;
    refuse(step, facts, placed.resources, `It would take ${size}: split it in several.`);
    return false;
  }
  step.emit(facts.placed[kind], String(leafOf(kind, placed.id)), placed);
  return true;
}

/**
 * Lets the entries of a leaf ship. The hub takes no bucket beyond a certain size, so whoever could fill one, with
 * names made to collide, could stop all publishing: what exceeds it is left out, and the oldest stay.
 */
export function leafRule(facts: Facts, kind: PlacedKind): Rule<PlacedEntry> {
  return (leaf, entries, step) => {
    let room = MAX_BUCKET_BYTES - '{}'.length;
    for (const { id, json, resources, secrets = [] } of entries.toSorted(compareSeniority)) {
      const rendered = { id, json };
      room -= entryBytes(rendered);
      if (room < 0) {
        refuse(step, facts, resources, 'Its place in the routing table is full: give it another name.');
        continue;
      }
      step.emit(facts.shippedLeaves[kind], leaf, rendered);
      for (const secret of secrets) step.emit(facts.shippedSecrets, secret.id, secret);
      for (const resource of resources) {
        step.emit(facts.shippedEntries, resource, { section: kind, id });
        for (const secret of secrets) step.emit(facts.shippedEntries, resource, { section: 'secrets', id: secret.id });
      }
    }
  };
}

function refuse(step: Step, facts: Facts, resources: readonly ResourceKey[], message: string): void {
  for (const resource of resources)
    step.emit(facts.problems, resource, { type: 'Accepted', reason: 'Invalid', message });
}
