import type { EdgeOptions } from '../commands/edge-options.ts';
import { folderDifference, type FolderDifference } from '../edges/folder-difference.ts';
import { explained, NEVER, openEdge, type OperatedEdge } from '../edges/operated-edge.ts';
import { readOperatedFolder, type OperatedFolder } from '../edges/operated-folder.ts';
import { EXIT } from '../exit-codes.ts';
import { faultsOf } from '../faults.ts';
import { renderDiff } from './render-diff.ts';

/** One edge, and what the folder would change there. */
export interface EdgeDiff {
  readonly edge: OperatedEdge;
  readonly difference: FolderDifference;
}

/** What `fairlead diff` does. */
export async function runDiff(dir: string, options: EdgeOptions): Promise<void> {
  const folder = await readOperatedFolder(dir, options);
  const diffs: EdgeDiff[] = [];
  for (const gateway of folder.gateways) diffs.push(await diffOf(folder, gateway));
  const isDifferent = diffs.some(({ difference }) => differs(difference));
  console.log(options.json === true ? JSON.stringify(asJson(folder, diffs), null, 2) : renderDiff(folder, diffs));
  process.exitCode = isDifferent ? EXIT.rejected : EXIT.ok;
}

async function diffOf(folder: OperatedFolder, gateway: OperatedFolder['gateways'][number]): Promise<EdgeDiff> {
  const edge = await openEdge(folder, gateway);
  const difference = await explained(async () => folderDifference(edge, await edge.client.state(NEVER), folder));
  return { edge, difference };
}

export function differs({ held, changes, resigned }: FolderDifference): boolean {
  return held === null || changes.length > 0 || resigned.length > 0;
}

function asJson({ problems }: OperatedFolder, diffs: readonly EdgeDiff[]) {
  return {
    different: diffs.some(({ difference }) => differs(difference)),
    edges: diffs.map(({ edge, difference }) => ({
      edge: edge.id,
      endpoint: edge.gateway.spec.endpoint,
      cluster: edge.gateway.spec.clusterName,
      different: differs(difference),
      ...difference,
      faults: faultsOf(edge.compilation),
    })),
    problems,
  };
}
