import { styleText } from 'node:util';
import { age } from '../age.ts';
import { isolatesOf } from '../isolates-of.ts';
import type { EdgeOptions } from '../commands/edge-options.ts';
import { renderCounts } from '../edges/change-counts.ts';
import { explained, NEVER, openEdge, type OperatedEdge } from '../edges/operated-edge.ts';
import { withOperated, type OperatedResources } from '../edges/operated-resources.ts';
import { renderEdgeTitle } from '../edges/render-edge.ts';
import { EXIT } from '../exit-codes.ts';
import type { Place } from '../places/place.ts';
import { keptRevisions, type KeptRevision } from './kept-revisions.ts';

interface EdgeHistory {
  readonly edge: OperatedEdge;
  readonly revisions: readonly KeptRevision[];
}

/** What `fairlead history` does. */
export async function runHistory(place: Place, options: EdgeOptions): Promise<void> {
  await withOperated(place, options, async (operated) => {
    const histories: EdgeHistory[] = [];
    for (const gateway of operated.gateways) {
      const edge = await openEdge(operated, gateway);
      const revisions = await explained(async () =>
        keptRevisions(await edge.client.history(NEVER), await edge.client.state(NEVER), edge.tables),
      );
      histories.push({ edge, revisions });
    }
    console.log(options.json === true ? JSON.stringify(asJson(histories), null, 2) : render(operated, histories));
    process.exitCode = EXIT.ok;
  });
}

function asJson(histories: readonly EdgeHistory[]) {
  return {
    edges: histories.map(({ edge, revisions }) => ({
      edge: edge.id,
      endpoint: edge.gateway.spec.endpoint,
      cluster: edge.gateway.spec.clusterName,
      revisions,
    })),
  };
}

function render(operated: OperatedResources, histories: readonly EdgeHistory[]): string {
  return histories
    .flatMap(({ edge, revisions }) => [
      '',
      renderEdgeTitle(edge, operated),
      '',
      ...renderRevisions(revisions, Date.now()),
    ])
    .join('\n')
    .replace(/^\n+/, '');
}

export function renderRevisions(revisions: readonly KeptRevision[], now: number): string[] {
  if (revisions.length === 0) return ['  The edge keeps no revision of this cluster.'];
  const keys = Math.max(...revisions.map(({ kid }) => kid.length), 'key'.length);
  const header = `    ${'revision'.padEnd(12)}  ${'generation'.padEnd(10)}  ${'admitted'.padEnd(10)}  ${'key'.padEnd(keys)}  against the one before`;
  return [
    styleText('dim', header),
    ...revisions.map((kept) => {
      const { revision, generation, admittedAt, kid, isCurrent } = kept;
      const admitted = `${age(now - Date.parse(admittedAt))} ago`;
      const mark = isCurrent ? styleText('green', '*') : ' ';
      const columns = [revision, generation.padEnd(10), admitted.padEnd(10), kid.padEnd(keys), renderWhat(kept)];
      return `  ${mark} ${columns.join('  ')}`;
    }),
    styleText('dim', '  * what the edge holds'),
  ];
}

function renderWhat({ changes, rollbackOf, isolates }: KeptRevision): string {
  const counts = changes && renderCounts(changes);
  const told = counts === null ? 'the oldest that is kept' : counts === '' ? 'no resource differs' : counts;
  return [
    told,
    ...(rollbackOf === undefined ? [] : [`a rollback of ${rollbackOf}`]),
    ...(isolates === 0 ? [] : [`served by ${isolatesOf(isolates)}`]),
  ].join('; ');
}
