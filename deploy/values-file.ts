import { stringify } from 'yaml';
import type { z } from 'zod';
import { describedValues, type DescribedValue } from './described-values.ts';

const WIDTH = 110;

/** The chart's values.yaml: each value with its default and what it is. */
export function valuesFile(schema: z.core.JSONSchema.BaseSchema): string {
  const head =
    '# Made from deploy/chart-values.ts by `npm run generate`. Do not edit: give values of your own with -f.\n';
  return head + describedValues(schema).map(entryOf).join('');
}

function entryOf(value: DescribedValue): string {
  const indent = '  '.repeat(value.path.length - 1);
  const name = value.path.at(-1) ?? '';
  const lines = 'default' in value ? stringify({ [name]: value.default }, { lineWidth: 0 }) : `${name}:\n`;
  const comment = wrapped(value.description, WIDTH - indent.length).map((line) => `# ${line}\n`);
  const space = value.path.length === 1 ? '\n' : '';
  return space + [...comment, ...lines.split(/(?<=\n)/)].map((line) => indent + line).join('');
}

function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ').filter((word) => word !== '')) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + word.length < width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
