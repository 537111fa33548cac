import { styleText } from 'node:util';
import type { Problem } from '../sync-agent/source/source.ts';

/** `error 3-model.yaml:14:7 AIModel/default/demo: …`, in the form in which editors make places of files clickable. */
export function renderProblem({ severity, file, line, column, resource, sentence }: Problem): string {
  const label = severity === 'error' ? styleText('red', 'error') : styleText('yellow', 'notice');
  const place = isFile(file) ? `${styleText('bold', `${file}:${line}:${column}`)} ` : '';
  return `${label} ${place}${resource === undefined ? '' : `${resource}: `}${sentence}`;
}

/** What stands in a cluster has no place in a file. */
function isFile(file: string): boolean {
  return file === '.' || /\.(ya?ml|json)$/i.test(file);
}
