const HEAD = '# Rendered from deploy/charts/fairlead by `npm run generate:cluster`. Do not edit.\n';

/** deploy/kustomize/base/fairlead.yaml. @param rendered the chart, as Helm renders it with its own values */
export function kustomizeBase(rendered: string): string {
  const lines = rendered
    .split('\n')
    .filter((line) => !/^\s*(?:helm\.sh\/chart|app\.kubernetes\.io\/managed-by):/.test(line));
  return HEAD + lines.join('\n');
}
