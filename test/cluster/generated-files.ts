import { kustomizeBase } from '../../deploy/kustomize-base.ts';
import type { ApiServer } from '../support/api-server.ts';
import { renderChart } from '../support/chart.ts';
import { kubectlPage } from './kubectl-page.ts';

/**
 * What is checked in and made with Helm or a real API server, by its path from the project's folder.
 *
 * @param server that has the definitions, and no namespace `llm`
 */
export async function generatedFiles(server: ApiServer): Promise<Map<string, string>> {
  return new Map([
    ['deploy/kustomize/base/fairlead.yaml', kustomizeBase(await renderChart())],
    ['docs/kubectl.md', await kubectlPage(server)],
  ]);
}
