import { isDeepStrictEqual } from 'node:util';
import { isMap, isNode, isScalar, isSeq, parseAllDocuments, type Document, type Pair, type YAMLMap } from 'yaml';
import type { ResourceKey } from '../../sync-agent/snapshot.ts';

/** The file is written in a way that no single place of it can be edited safely. */
export class CannotEdit extends Error {
  override name = 'CannotEdit';
}

/**
 * Sets or removes one text field of a resource's `spec` in a file of YAML or JSON. Every other character of the file
 * stays: comments, order, quotes, line ends.
 *
 * @param value undefined removes the field
 * @throws {CannotEdit}
 */
export function editSpecField(text: string, resource: ResourceKey, field: string, value: string | undefined): string {
  const spec = findSpec(parse(text), resource);
  const found = spec.items.find(({ key }) => nameOf(key) === field);
  const edited = spliced(text, spec, found, field, value);
  const expected = parse(text);
  if (value === undefined) findSpec(expected, resource).delete(field);
  else findSpec(expected, resource).set(field, value);
  const says = (documents: readonly Document[]) => documents.map((document) => document.toJS() as unknown);
  if (!isDeepStrictEqual(says(parse(edited)), says(expected)))
    throw new CannotEdit(`its spec is written in an unusual way`);
  return edited;
}

function spliced(
  text: string,
  spec: YAMLMap,
  found: Pair | undefined,
  field: string,
  value: string | undefined,
): string {
  if (value === undefined) return found === undefined ? text : removed(text, spec, found);
  // Quoted: twelve hexadecimal digits may look like a number.
  const quoted = JSON.stringify(value);
  if (found === undefined) return inserted(text, spec, field, quoted);
  const [start, end] = rangeOf(found.value);
  return text.slice(0, start) + quoted + text.slice(end);
}

/** As the first field: what stands before the others, comments too, stays with them. */
function inserted(text: string, spec: YAMLMap, field: string, quoted: string): string {
  const [first] = rangeOf(spec.items[0]?.key);
  const lineStart = text.lastIndexOf('\n', first - 1) + 1;
  const indentation = text.slice(lineStart, first);
  const isFirstOfLine = indentation.trim() === '';
  if (spec.flow === true) {
    const separator = isFirstOfLine ? lineEndBefore(text, lineStart) + indentation : ' ';
    return `${text.slice(0, first)}${JSON.stringify(field)}: ${quoted},${separator}${text.slice(first)}`;
  }
  if (!isFirstOfLine) throw new CannotEdit('the first field of its spec does not begin a line');
  const at = startOfBlock(text, lineStart);
  return `${text.slice(0, at)}${indentation}${field}: ${quoted}${lineEndBefore(text, at)}${text.slice(at)}`;
}

/** The line after `spec:`, which comments may part from the first field. */
function startOfBlock(text: string, firstLine: number): number {
  let at = firstLine;
  while (at > 0) {
    const above = text.lastIndexOf('\n', at - 2) + 1;
    const line = text.slice(above, at).trim();
    if (line !== '' && !line.startsWith('#')) return at;
    at = above;
  }
  return firstLine;
}

function lineEndBefore(text: string, lineStart: number): string {
  return text.slice(0, lineStart).endsWith('\r\n') ? '\r\n' : '\n';
}

function removed(text: string, spec: YAMLMap, pair: Pair): string {
  const [start] = rangeOf(pair.key);
  const [, end] = rangeOf(pair.value);
  if (spec.flow !== true) {
    const lineEnd = text.indexOf('\n', end);
    return text.slice(0, text.lastIndexOf('\n', start - 1) + 1) + (lineEnd < 0 ? '' : text.slice(lineEnd + 1));
  }
  const index = spec.items.indexOf(pair);
  const next = spec.items[index + 1];
  if (next) return text.slice(0, start) + text.slice(rangeOf(next.key)[0]);
  const before = spec.items[index - 1];
  return text.slice(0, before ? rangeOf(before.value)[1] : start) + text.slice(end);
}

function findSpec(documents: readonly Document[], resource: ResourceKey): YAMLMap {
  for (const { contents } of documents)
    for (const object of objectsOf(contents)) {
      if (keyOf(object) !== resource) continue;
      const spec = object.get('spec', true);
      if (isMap(spec) && spec.items.length > 0) return spec;
      throw new CannotEdit('its spec stands elsewhere, behind an alias');
    }
  throw new CannotEdit(`${resource} is not written out in it`);
}

/** A `List` stands for its items. */
function objectsOf(contents: unknown): YAMLMap[] {
  if (!isMap(contents)) return [];
  const items = contents.get('items', true);
  return isSeq(items) ? items.items.filter((item) => isMap(item)) : [contents];
}

function keyOf(object: YAMLMap): string {
  const metadata = object.get('metadata', true);
  if (!isMap(metadata)) return '';
  return [textIn(object, 'kind'), textIn(metadata, 'namespace') ?? 'default', textIn(metadata, 'name')].join('/');
}

function textIn(map: YAMLMap, name: string): string | undefined {
  const value = map.get(name);
  return typeof value === 'string' ? value : undefined;
}

function nameOf(key: unknown): string {
  return isScalar(key) ? String(key.value) : '';
}

function rangeOf(node: unknown): readonly [start: number, end: number] {
  if (isNode(node) && node.range) return [node.range[0], node.range[1]];
  throw new CannotEdit('it has a field without a value');
}

function parse(text: string): Document[] {
  return parseAllDocuments(text, { prettyErrors: false, uniqueKeys: false, merge: true });
}
