import type { ResourceKey } from '../snapshot.ts';
import type { FileResource, ParsedFile, UnreadObject } from './parse-documents.ts';
import type { Problem } from './source.ts';

/** What one file gives: what it says now, and what of earlier it still stands for. */
export interface HeldFile {
  /** What the file says. */
  readonly valid: readonly FileResource[];
  /** What it said before it was broken, and says no more. */
  readonly kept: readonly FileResource[];
  readonly problems: readonly Problem[];
  readonly unread: readonly UnreadObject[];
}

/** What all files together give. */
export interface HeldResources {
  /** By key, in the keys' order. */
  readonly resources: ReadonlyMap<ResourceKey, FileResource>;
  readonly problems: readonly Problem[];
}

/**
 * A file with an error in it takes nothing away: what it no longer says, or says in a way that is not valid, stays
 * as it last was, as it would behind a `kubectl apply` that was refused.
 */
export function holdFile(parsed: ParsedFile, before: HeldFile | undefined): HeldFile {
  const broken = parsed.problems.some(({ severity }) => severity === 'error');
  const said = new Set(parsed.resources.map(({ key }) => key));
  const kept = broken ? [...(before?.valid ?? []), ...(before?.kept ?? [])].filter(({ key }) => !said.has(key)) : NONE;
  const keptKeys = new Set(kept.map(({ key }) => key));
  return {
    valid: trimmed(parsed.resources),
    kept,
    problems: trimmed(parsed.problems.map((problem) => ({ ...problem, sentence: sentenceOf(problem, keptKeys) }))),
    unread: trimmed(parsed.unread),
  };
}

const NONE: readonly never[] = [];

/** A list of just its size: where each resource has a file of its own, most hold one thing or none. */
function trimmed<T>(list: readonly T[]): readonly T[] {
  return list.length === 0 ? NONE : [...list];
}

function sentenceOf({ resource, sentence }: Problem, kept: ReadonlySet<ResourceKey>): string {
  if (resource !== undefined) return kept.has(resource) ? `${sentence} (its last valid version stays)` : sentence;
  return kept.size > 0 ? `${sentence} (what the file said before stays: ${listed([...kept])})` : sentence;
}

function listed(keys: readonly string[]): string {
  const shown = keys.slice(0, 3).join(', ');
  return keys.length > 3 ? `${shown} and ${keys.length - 3} more` : shown;
}

/**
 * One resource for each key. Where two documents say the same key, the first counts, by path and then by place; a
 * document that is valid counts before what is kept of a broken file.
 *
 * @param files in the order of their paths
 */
export function uniteFiles(files: Iterable<HeldFile>): HeldResources {
  const chosen = new Map<ResourceKey, FileResource>();
  const problems: Problem[] = [];
  const unread = new Map<string, UnreadObject>();
  const all = [...files];
  for (const file of all) {
    problems.push(...file.problems);
    for (const object of file.unread) {
      const name = `${object.kind} (${object.apiVersion})`;
      if (!unread.has(name)) unread.set(name, object);
    }
    for (const found of file.valid) {
      const first = chosen.get(found.key);
      if (first) problems.push(duplicate(found, first));
      else chosen.set(found.key, found);
    }
  }
  for (const { kept } of all) for (const old of kept) if (!chosen.has(old.key)) chosen.set(old.key, old);
  for (const [name, object] of unread) problems.push(ignored(name, object));
  return {
    resources: new Map([...chosen].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    problems: problems.toSorted(byPlace),
  };
}

function duplicate({ file, line, column, key }: FileResource, first: FileResource): Problem {
  const sentence =
    `stands twice: here (${file}:${line}) and at ${first.file}:${first.line}, which counts; ` +
    'delete or rename one of them';
  return { severity: 'error', file, line, column, resource: key, sentence };
}

function ignored(name: string, { file, line, column }: UnreadObject): Problem {
  return { severity: 'notice', file, line, column, sentence: `${name} is not a kind that Fairlead reads: left aside` };
}

function byPlace(a: Problem, b: Problem): number {
  return (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || a.line - b.line || a.column - b.column;
}
