import { createHash } from 'node:crypto';
import { canonicalJson } from '../../contract/canonical-json.ts';
import { allowShrinkAnnotation } from '../../crds/edge-gateway.ts';
import type { Blob, Compilation } from '../compile/compilation.ts';
import type { ResourceId, ResourceKey } from '../snapshot.ts';
import type { ResourceChanges } from '../status/resource-changes.ts';
import { isServiceEntry, serviceOf } from '../compile/service-ids.ts';
import { entryName, tableDifference, type TableDifference } from '../table-difference.ts';
import type { Hold } from './hold.ts';

/** What callers notice at once when it is gone. Providers count by the models that lose them. */
const GUARDED = { models: 'AIModel', routes: 'GatewayRoute', consumers: 'Consumer' } as const;
/** Services are those that are models without an AIModel: discovered, or a route's target. */
type Guarded = keyof typeof GUARDED | 'services';

/** Fewer may always go, as long as some stay. */
const FEWEST = 10;

/** Resources named in a sentence; the rest is counted. */
const NAMED = 3;

/** What a table would take away from the edge of one kind, where it is too much. */
export interface Loss {
  readonly kind: Guarded;
  readonly dropped: readonly ResourceKey[];
  /** How many the edge holds. */
  readonly of: number;
}

/** Whether an agent waits for a word before it shrinks an edge, or only says that it does so. */
export type ShrinkMode = 'Hold' | 'Warn';

export interface ShrinkInput {
  readonly gateway: ResourceId;
  readonly losses: readonly Loss[];
  /** Of the table that is compiled. */
  readonly digest: string;
  /** The digest that the EdgeGateway allows. */
  readonly allowShrink: string | undefined;
  readonly mode: ShrinkMode;
}

export type ShrinkVerdict =
  | { readonly type: 'Publish' }
  | { readonly type: 'PublishWarning'; readonly sentence: string }
  | { readonly type: 'Wait'; readonly hold: Hold };

/**
 * What becomes of a table by what it would take away from the edge.
 *
 * | of models, routes, consumers or services it drops | the annotation names it | the agent | then                   |
 * |------------------------------------------------|-------------------------|-----------|------------------------|
 * | neither all, nor a third or more than nine     | any                     | any       | it is published        |
 * | all, or more than a third and at least ten     | yes                     | any       | it is published        |
 * | the same                                       | no                      | holds     | it waits, ShrinkHeld   |
 * | the same                                       | no                      | warns     | it is published, and that is told |
 */
export function shrinkVerdict({ gateway, losses, digest, allowShrink, mode }: ShrinkInput): ShrinkVerdict {
  if (losses.length === 0 || allowShrink === digest) return { type: 'Publish' };
  const drops = losses.map(renderLoss).join(', ');
  if (mode === 'Warn') return { type: 'PublishWarning', sentence: `it drops ${drops}` };
  const [namespace, name] = gateway.split('/');
  const annotate = `kubectl annotate edgegateway -n ${namespace} ${name} ${allowShrinkAnnotation}=${digest} --overwrite`;
  const sentence =
    `it would drop ${drops}. If that is meant, run: ${annotate} (or, where resources are files, write that ` +
    "annotation into the EdgeGateway's)";
  return { type: 'Wait', hold: { reason: 'ShrinkHeld', sentence } };
}

/**
 * What a change takes away, kind by kind, where it is all of them, or more than a third and at least ten.
 *
 * @param changes from what the edge holds to what is compiled
 * @param counts of what is compiled
 */
export function lossesOf(
  changes: ResourceChanges,
  counts: Compilation['counts'],
  services: Omit<Loss, 'kind'> = { dropped: [], of: 0 },
): Loss[] {
  const losses = kinds().flatMap((kind) => {
    const isOfKind = (key: ResourceKey) => key.startsWith(`${GUARDED[kind]}/`);
    const dropped = changes.removed.filter(isOfKind);
    const of = counts[kind] - changes.added.filter(isOfKind).length + dropped.length;
    const isTooMuch = dropped.length === of || isGreatPart({ dropped, of });
    return dropped.length > 0 && isTooMuch ? [{ kind, dropped, of }] : [];
  });
  // The only service may go: it does so of itself, and what is left of it would be called in vain.
  return isGreatPart(services) ? [...losses, { kind: 'services', ...services }] : losses;
}

const NO_SECTIONS = { routes: [], models: [], providers: [], consumers: [] };

function isGreatPart({ dropped, of }: Omit<Loss, 'kind'>): boolean {
  return dropped.length >= FEWEST && dropped.length * 3 > of;
}

/**
 * The inference services whose models, which nobody wrote an AIModel for, a change takes away; not those that serve
 * others in their place.
 *
 * @param models of what is compiled
 */
export function serviceLosses(difference: TableDifference, models: readonly Blob[]): Omit<Loss, 'kind'> {
  const gone = new Set<string>();
  for (const { section, id, how } of difference.values())
    if (section === 'models' && how === 'removed' && isServiceEntry(id)) gone.add(serviceOf(id));
  if (gone.size < FEWEST) return { dropped: [], of: 0 };
  const kept = new Set<string>();
  const before = new Set(gone);
  for (const { id } of tableDifference(undefined, () => undefined, { ...NO_SECTIONS, models }).values()) {
    if (!isServiceEntry(id)) continue;
    kept.add(serviceOf(id));
    if (difference.get(entryName('models', id))?.how !== 'added') before.add(serviceOf(id));
  }
  return { dropped: [...gone].filter((service) => !kept.has(service)).toSorted(), of: before.size };
}

/**
 * Names what is compiled, however and whenever it is sealed: equal for equal resources.
 *
 * @returns 12 hexadecimal digits
 */
export function tableDigest(sections: Compilation['sections']): string {
  const hashes = Object.fromEntries(
    Object.entries(sections).map(([kind, blobs]) => [kind, blobs.map(({ sha256 }) => sha256)]),
  );
  return createHash('sha256').update(canonicalJson(hashes)).digest('hex').slice(0, 12);
}

function kinds(): (keyof typeof GUARDED)[] {
  return ['models', 'routes', 'consumers'];
}

function renderLoss({ kind, dropped, of }: Loss): string {
  const all = of === 1 ? 'the only' : `all ${of}`;
  const share = dropped.length === of ? all : `${dropped.length} of ${of}`;
  const shown = dropped.slice(0, NAMED).join(', ');
  const more = dropped.length > NAMED ? ` and ${dropped.length - NAMED} more` : '';
  return `${share} ${of === 1 ? kind.slice(0, -1) : kind} (${shown}${more})`;
}
