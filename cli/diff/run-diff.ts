import type { EdgeOptions } from '../commands/edge-options.ts';
import { edgeDifference, type EdgeDifference } from '../edges/edge-difference.ts';
import { explained, NEVER, openEdge, type OperatedEdge } from '../edges/operated-edge.ts';
import { withOperated, type OperatedResources } from '../edges/operated-resources.ts';
import { EXIT } from '../exit-codes.ts';
import { faultsOf } from '../faults.ts';
import { isReported, type Place } from '../places/place.ts';
import { renderDiff } from './render-diff.ts';

/** One edge, and what the resources would change there. */
export interface EdgeDiff {
  readonly edge: OperatedEdge;
  readonly difference: EdgeDifference;
}

/** What `fairlead diff` does. */
export async function runDiff(place: Place, options: EdgeOptions): Promise<void> {
  await withOperated(place, options, async (operated) => {
    const diffs: EdgeDiff[] = [];
    for (const gateway of operated.gateways) diffs.push(await diffOf(operated, gateway));
    const isDifferent = diffs.some(({ difference }) => differs(difference));
    console.log(options.json === true ? JSON.stringify(asJson(operated, diffs), null, 2) : renderDiff(operated, diffs));
    process.exitCode = isDifferent ? EXIT.rejected : EXIT.ok;
  });
}

async function diffOf(operated: OperatedResources, gateway: OperatedResources['gateways'][number]): Promise<EdgeDiff> {
  const edge = await openEdge(operated, gateway);
  const difference = await explained(async () => edgeDifference(edge, await edge.client.state(NEVER), operated));
  return { edge, difference };
}

export function differs({ held, changes, resigned }: EdgeDifference): boolean {
  return held === null || changes.length > 0 || resigned.length > 0;
}

function asJson({ place, problems, notes }: OperatedResources, diffs: readonly EdgeDiff[]) {
  return {
    different: diffs.some(({ difference }) => differs(difference)),
    edges: diffs.map(({ edge, difference }) => ({
      edge: edge.id,
      endpoint: edge.gateway.spec.endpoint,
      cluster: edge.gateway.spec.clusterName,
      different: differs(difference),
      ...difference,
      faults: faultsOf(edge.compilation).filter(({ resource }) => isReported(place, resource)),
    })),
    problems,
    notes,
  };
}
