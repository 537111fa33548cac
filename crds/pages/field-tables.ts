import { anchor, code, literal, row } from './markdown.ts';
import type { CelValidation, StructuralSchema } from '../structural-schema.ts';

/** A table of the fields of an object, and one for each object inside it, each under a heading of its own. */
export function fieldTables(path: string, schema: StructuralSchema, seen: Described): string {
  const sections: string[] = [];
  collect({ path, schema, sections, seen });
  return sections.join('\n\n');
}

/** Paths by schema, so that an object which stands in several places of a page is described once. */
export type Described = Map<string, string>;

interface Collecting {
  path: string;
  schema: StructuralSchema;
  sections: string[];
  seen: Described;
}

function collect({ path, schema, sections, seen }: Collecting): void {
  const lines = [row('Field', 'Type', 'Default', 'Description'), row('---', '---', '---', '---')];
  const section = sections.push('') - 1;
  const validations = schema['x-kubernetes-validations'] ?? [];
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const inner = innerObject(`${path}.${name}`, field);
    const known = inner === undefined ? undefined : seen.get(JSON.stringify(inner.schema.properties));
    const target = known ?? inner?.path;
    const required = schema.required?.includes(name) ?? false;
    const ownRules = validations.filter(({ fieldPath }) => fieldPath === `.${name}`);
    const type = target === undefined ? typeOf(field) : `[${typeOf(field)}](#${anchor(target)})`;
    lines.push(row(code(name), type, defaultOf(field, required), describe(field, ownRules)));
    if (inner === undefined || known !== undefined) continue;
    seen.set(JSON.stringify(inner.schema.properties), inner.path);
    collect({ ...inner, sections, seen });
  }
  const general = validations.filter(({ fieldPath }) => fieldPath === undefined).map(sentence);
  const heading = path.includes('.') ? [`### ${code(path)}`] : [];
  sections[section] = [...heading, ...general, lines.join('\n')].join('\n\n');
}

function innerObject(path: string, field: StructuralSchema): { path: string; schema: StructuralSchema } | undefined {
  if (field.properties !== undefined) return { path, schema: field };
  if (field.items?.properties !== undefined) return { path: `${path}[]`, schema: field.items };
  return undefined;
}

function typeOf(field: StructuralSchema): string {
  if (field.enum !== undefined) return field.enum.map((value) => code(value)).join(' or ');
  if (field.items !== undefined) return `list of ${field.items.properties ? 'objects' : plural(field.items)}`;
  if (field.additionalProperties !== undefined) return `map of ${plural(field.additionalProperties)}`;
  return field.type;
}

function plural(field: StructuralSchema): string {
  return field.enum === undefined ? `${field.type}s` : typeOf(field);
}

function defaultOf(field: StructuralSchema, required: boolean): string {
  if (field.default !== undefined) return code(inline(field.default));
  return required ? '**required**' : '';
}

/** A value as YAML writes it on one line. */
function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, inner]) => `${key}: ${inline(inner)}`);
    return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
  }
  return value === '' ? '""' : String(value);
}

function describe(field: StructuralSchema, rulesOfParent: readonly CelValidation[]): string {
  const own = field.properties === undefined ? (field['x-kubernetes-validations'] ?? []) : [];
  const ofEntries = field.items?.properties === undefined ? (field.items?.['x-kubernetes-validations'] ?? []) : [];
  return [
    field.description ?? '',
    bounds(field),
    ...[...rulesOfParent, ...own].map(sentence),
    ...ofEntries.map(({ message }) => `Each ${literal(message)}.`),
  ]
    .filter((part) => part !== '')
    .join(' ');
}

function sentence({ message }: CelValidation): string {
  return `${literal(`${message.charAt(0).toUpperCase()}${message.slice(1)}`)}.`;
}

function bounds(field: StructuralSchema): string {
  const { items } = field;
  if (items !== undefined) {
    const keys = field['x-kubernetes-list-map-keys'];
    const told = keys === undefined ? '' : `, told apart by ${keys.map((key) => code(key)).join(', ')}`;
    const each = items.maxLength === undefined ? '' : ` of at most ${items.maxLength} characters`;
    return `${range(field.minItems, field.maxItems)} entries${each}${told}.`;
  }
  if (field.additionalProperties !== undefined) {
    return `At most ${field.maxProperties} entries, with values of at most ${field.additionalProperties.maxLength} characters.`;
  }
  if (field.type === 'integer' && field.minimum !== undefined) return `${range(field.minimum, field.maximum)}.`;
  return field.maxLength === undefined ? '' : `At most ${field.maxLength} characters.`;
}

function range(least: number | undefined, most: number | undefined): string {
  if (least === undefined) return `At most ${most}`;
  return most === undefined ? `At least ${least}` : `${least} to ${most}`;
}
