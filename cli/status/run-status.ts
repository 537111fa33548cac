import type { EdgeOptions } from '../commands/edge-options.ts';
import { openEdge, type OperatedEdge } from '../edges/operated-edge.ts';
import { readOperatedFolder, type OperatedFolder } from '../edges/operated-folder.ts';
import { resourceId } from '../../sync-agent/snapshot.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { askEdge, askUnsigned, isAllRight, type AskedEdge, type SilentEdge } from './edge-status.ts';
import { renderStatus } from './render-status.ts';

/** One edge, and what was found out about it. */
export interface EdgeStatus {
  readonly edge: Pick<OperatedEdge, 'id' | 'gateway'>;
  readonly status: AskedEdge | SilentEdge;
}

/** What `fairlead status` does. */
export async function runStatus(dir: string, options: EdgeOptions): Promise<void> {
  const folder = await readOperatedFolder(dir, options);
  const statuses: EdgeStatus[] = [];
  for (const gateway of folder.gateways) statuses.push(await statusOf(folder, gateway));
  console.log(
    options.json === true ? JSON.stringify(asJson(folder, statuses), null, 2) : renderStatus(folder, statuses),
  );
  process.exitCode = exitCodeOf(folder, statuses);
}

/** An edge whose keys are not there does not keep the others from being asked. */
async function statusOf(folder: OperatedFolder, gateway: OperatedFolder['gateways'][number]): Promise<EdgeStatus> {
  try {
    const edge = await openEdge(folder, gateway);
    return { edge, status: await askEdge(edge, folder) };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const status = { failure: error.message, unsigned: await askUnsigned(gateway) };
    return { edge: { id: resourceId(gateway.metadata), gateway }, status };
  }
}

function exitCodeOf({ problems }: OperatedFolder, statuses: readonly EdgeStatus[]): number {
  if (statuses.some(({ status }) => 'failure' in status)) return EXIT.environment;
  const isSound = problems.every(({ severity }) => severity !== 'error');
  return isSound && statuses.every(({ status }) => !('failure' in status) && isAllRight(status))
    ? EXIT.ok
    : EXIT.rejected;
}

function asJson(folder: OperatedFolder, statuses: readonly EdgeStatus[]) {
  return {
    ok: exitCodeOf(folder, statuses) === EXIT.ok,
    edges: statuses.map(({ edge, status }) => ({
      edge: edge.id,
      endpoint: edge.gateway.spec.endpoint,
      cluster: edge.gateway.spec.clusterName,
      reached: !('failure' in status),
      ...status,
      ...('programmed' in status && { programmed: Object.fromEntries(status.programmed) }),
    })),
    problems: folder.problems,
  };
}
