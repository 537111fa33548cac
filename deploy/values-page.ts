import type { z } from 'zod';
import { describedValues } from './described-values.ts';

const HEAD = `<!-- Made from deploy/chart-values.ts by \`npm run generate\`. Do not edit. -->

# Values of the chart \`fairlead\`

Helm refuses what is not of this list, or not of its shape. [deploy.md](deploy.md) installs the chart,
[rbac.md](rbac.md) lists what the agent may do in the cluster. The chart \`fairlead-crds\` has no values.

| value | default | what it is |
| --- | --- | --- |
`;

/** docs/helm-values.md */
export function valuesPage(schema: z.core.JSONSchema.BaseSchema): string {
  const rows = describedValues(schema).map((value) => {
    const preset = 'default' in value ? `\`${JSON.stringify(value.default)}\`` : '';
    return `| \`${value.path.join('.')}\` | ${preset} | ${value.description.replaceAll('|', '\\|')} |\n`;
  });
  return HEAD + rows.join('');
}
