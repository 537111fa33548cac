import { conditionTypes, type ConditionType } from '../conditions.ts';
import { fieldTables, type Described } from './field-tables.ts';
import { apiVersion } from '../group.ts';
import { fileNameOf, type KindDefinition } from '../kind-definition.ts';
import { row } from './markdown.ts';
import { structuralSchema } from '../structural-schema.ts';

/** The page on one kind in docs/resources. `example` is a file of the corpus, without its comments. */
export function resourcePage(definition: KindDefinition, example: string): string {
  const { kind, plural, shortNames, description } = definition;
  const short = shortNames.map((name) => `\`${name}\``).join(', ');
  const described: Described = new Map();
  const spec = fieldTables('spec', structuralSchema(definition.spec), described);
  const status = fieldTables('status', structuralSchema(definition.status), described);
  return `<!-- Generated from crds/${fileNameOf(kind)}.ts by \`npm run generate\`. Do not edit. -->

# ${kind}

${description}

\`apiVersion: ${apiVersion}\`, \`kind: ${kind}\`; namespaced; \`kubectl get ${plural}\`, for short ${short}.

## Example

\`\`\`yaml
${example.trim()}
\`\`\`

## Spec

${spec}

## Status

${status}

## Conditions

${conditions(definition)}

## \`kubectl get\`

${columns(definition)}
`;
}

const order = ['Accepted', 'ResolvedRefs', 'Programmed'] as const satisfies readonly ConditionType[];

function conditions(definition: KindDefinition): string {
  const lines = [row('Condition', 'Reason', 'What it says'), row('---', '---', '---')];
  for (const type of order) {
    const { description, reasons } = conditionTypes[type];
    lines.push(row(`\`${type}\``, '', description));
    const meanings: Readonly<Record<string, string>> = reasons;
    for (const reason of definition.conditions[type]) lines.push(row('', `\`${reason}\``, meanings[reason] ?? ''));
  }
  return lines.join('\n');
}

function columns(definition: KindDefinition): string {
  const lines = [row('Column', 'What it shows'), row('---', '---')];
  for (const { name, description, wide } of definition.columns) {
    lines.push(row(name, wide === true ? `${description} With \`-o wide\`.` : description));
  }
  return lines.join('\n');
}
