import { kustomizeBase } from '../../deploy/kustomize-base.ts';
import { renderChart } from '../support/chart.ts';
import { kubectlPage } from './kubectl-page.ts';

/** What is checked in and made with Helm or a real API server, by its path from the project's folder. */
export async function generatedFiles(): Promise<Map<string, string>> {
  return new Map([
    ['deploy/kustomize/base/fairlead.yaml', kustomizeBase(await renderChart())],
    ['docs/kubectl.md', await kubectlPage()],
  ]);
}
