import { Composer, isScalar, LineCounter, Parser, visit, type Document, type YAMLError } from 'yaml';
import { describeIssue } from '../../crds/issues.ts';
import { parseResource, type Resource } from '../../crds/parse-resource.ts';
import { resourceKey, type ResourceKey } from '../snapshot.ts';
import type { Problem } from './source.ts';
import { offsetOf, positionAt, positionOf, type Position } from './yaml-position.ts';

/** One resource and where it stands in its file. */
export interface FileResource extends Position {
  readonly file: string;
  readonly key: ResourceKey;
  readonly resource: Resource;
}

/** An object of a kind that is not read. */
export interface UnreadObject extends Position {
  readonly file: string;
  readonly apiVersion: string;
  readonly kind: string;
}

export interface ParsedFile {
  readonly resources: readonly FileResource[];
  readonly problems: readonly Problem[];
  readonly unread: readonly UnreadObject[];
}

export const MAX_FILE_BYTES = 1024 * 1024;

/** Aliases that one document may expand to: ten copies of every block are far more than people write. */
const MAX_ALIASES = 100;

/** What creationTimestamp is where a file gives none: always the same, so that the same files give the same bytes. */
const NO_TIME = '1970-01-01T00:00:00Z';

/** An object within a document, and the way to it: a `List` holds several. */
interface FoundObject {
  readonly object: unknown;
  readonly path: readonly (string | number)[];
}

/** Reads the resources of one file: any number of YAML or JSON documents. */
export function parseDocuments(file: string, text: string): ParsedFile {
  const lines = new LineCounter();
  const parsed: { resources: FileResource[]; problems: Problem[]; unread: UnreadObject[] } = {
    resources: [],
    problems: [],
    unread: [],
  };
  for (const document of documentsOf(text, lines)) {
    const read = valueOf(document, lines);
    if ('fault' in read) {
      parsed.problems.push({ severity: 'error', file, ...read.fault });
      continue;
    }
    for (const found of objectsOf(read.value)) {
      const at = (path: readonly (string | number)[]) => positionOf(document, [...found.path, ...path], lines);
      readObject(file, found.object, at, parsed);
    }
  }
  return parsed;
}

/** One after the other: as nodes, all documents of a file of 1 MB would take 100 MB. */
function* documentsOf(text: string, lines: LineCounter): Generator<Document> {
  const tokens = new Parser(lines.addNewLine).parse(text);
  // Doubled keys are looked for below: the library's own check compares every key of a map with every other.
  const composer = new Composer({ lineCounter: lines, prettyErrors: false, uniqueKeys: false, merge: true });
  for (const document of composer.compose(tokens)) {
    const { contents, errors } = document;
    // A document of nothing but comments, or of nothing at all between two separators.
    const isEmpty = errors.length === 0 && isScalar(contents) && contents.value === null;
    if (!isEmpty) yield document;
  }
}

function readObject(
  file: string,
  object: unknown,
  at: (path: readonly (string | number)[]) => Position,
  into: { resources: FileResource[]; problems: Problem[]; unread: UnreadObject[] },
): void {
  const result = parseResource(object);
  switch (result.outcome) {
    case 'resource': {
      const resource = detached(normalised(result.resource));
      into.resources.push({ file, key: resourceKey(resource), resource, ...at([]) });
      break;
    }
    case 'invalid': {
      const resource = keyOfUnchecked(object);
      for (const issue of result.issues) {
        const problem: Problem = { severity: 'error', file, ...at(issue.path), sentence: describeIssue(issue) };
        into.problems.push(resource === undefined ? problem : { ...problem, resource });
      }
      break;
    }
    case 'unread':
      into.unread.push({ file, apiVersion: result.apiVersion, kind: result.kind, ...at([]) });
  }
}

/** What the API server would do when it stores an object. */
function normalised(parsed: Resource): Resource {
  const metadata = { ...parsed.metadata, creationTimestamp: parsed.metadata.creationTimestamp ?? NO_TIME };
  if (parsed.kind !== 'Secret') return { ...parsed, metadata };
  const encoded = Object.entries(parsed.stringData).map(
    ([name, value]) => [name, Buffer.from(value).toString('base64')] as const,
  );
  return { ...parsed, metadata, data: { ...parsed.data, ...Object.fromEntries(encoded) }, stringData: {} };
}

/**
 * A copy that shares nothing with the text it was read from. What the parser cuts out of a text keeps that text in
 * memory, and what a schema builds up member by member takes half as much again as an object made at once.
 */
function detached(resource: Resource): Resource {
  return JSON.parse(JSON.stringify(resource));
}

/** What a document says, or why it cannot be read at all, in people's words. */
function valueOf(
  document: Document,
  lines: LineCounter,
): { value: unknown } | { fault: Position & { sentence: string } } {
  const [error] = document.errors;
  if (error) return { fault: { ...positionAt(error.pos[0], lines), sentence: syntaxSentence(error) } };
  const doubled = doubledKey(document);
  if (doubled) {
    const sentence = `the key ${doubled.key} stands twice in one object: delete one`;
    return { fault: { ...positionAt(doubled.offset, lines), sentence } };
  }
  try {
    return { value: document.toJS({ maxAliasCount: MAX_ALIASES }) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const sentence = reason.includes('alias count')
      ? `its aliases (*name) expand to more than ${MAX_ALIASES} copies: write the values out`
      : `is not valid YAML: ${reason}`;
    return { fault: { ...positionOf(document, [], lines), sentence } };
  }
}

function syntaxSentence({ code, message }: YAMLError): string {
  if (code === 'TAB_AS_INDENT') return 'a tab indents this line: YAML allows only spaces there';
  return `is not valid YAML: ${message.replace(/\.$/, '')}`;
}

function doubledKey(document: Document): { key: string; offset: number } | undefined {
  let doubled: { key: string; offset: number } | undefined;
  visit(document, {
    Map: (_, map) => {
      const seen = new Set<string>();
      for (const { key } of map.items) {
        const name = isScalar(key) ? String(key.value) : undefined;
        if (name === undefined || name === '<<') continue;
        if (seen.has(name)) {
          doubled = { key: name, offset: offsetOf(key) ?? 0 };
          return visit.BREAK;
        }
        seen.add(name);
      }
      return undefined;
    },
  });
  return doubled;
}

/** A `List`, or `GatewayRouteList` and the like, stands for its items. */
function objectsOf(object: unknown): readonly FoundObject[] {
  if (isRecord(object) && typeof object['kind'] === 'string' && object['kind'].endsWith('List')) {
    const { items } = object;
    if (Array.isArray(items)) return items.map((item: unknown, index) => ({ object: item, path: ['items', index] }));
  }
  return [{ object, path: [] }];
}

/** The key of an object that is not valid, as far as it can be told. */
function keyOfUnchecked(object: unknown): ResourceKey | undefined {
  if (!isRecord(object) || !isRecord(object['metadata'])) return undefined;
  const { kind } = object;
  const { namespace, name } = object['metadata'];
  if (typeof kind !== 'string' || typeof name !== 'string') return undefined;
  return `${kind}/${typeof namespace === 'string' ? namespace : 'default'}/${name}`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
