import { styleText } from 'node:util';
import { systemClock } from '../../sync-agent/clock.ts';
import type { EvictOptions } from '../commands/evict.ts';
import { countByKind } from '../edges/change-counts.ts';
import { explained, NEVER, openEdge, type OperatedEdge } from '../edges/operated-edge.ts';
import { withOperated, type OperatedResources } from '../edges/operated-resources.ts';
import { renderEdgeTitle } from '../edges/render-edge.ts';
import { isolatesOf } from '../isolates-of.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import type { Place } from '../places/place.ts';

const PAUSE_MS = 500;
const PATIENCE_MS = 30_000;

/** What `fairlead evict` does. */
export async function runEvict(place: Place, options: EvictOptions): Promise<void> {
  if (options.edge === undefined)
    throw new CliError('name the EdgeGateway whose edge is meant: --edge namespace/name', EXIT.usage);
  await withOperated(place, options, (operated) => evict(operated, options));
}

async function evict(operated: OperatedResources, options: EvictOptions): Promise<void> {
  const [gateway] = operated.gateways;
  if (!gateway) throw new TypeError('a place without the EdgeGateway is refused');
  const edge = await openEdge(operated, gateway);
  const dropped = await explained(() => whatIsHeld(edge));
  const title = renderEdgeTitle(edge, operated);
  if (options.yes !== true)
    throw new CliError(`nothing was done. ${title} would stop serving ${dropped.told}: say so with --yes`, EXIT.usage);
  await explained(() => edge.client.evict(NEVER));
  const left = await explained(() => untilDropped(edge));
  const { endpoint, clusterName: cluster } = gateway.spec;
  const json = {
    edge: edge.id,
    endpoint,
    cluster,
    evicted: true,
    dropped: dropped.revision,
    isolatesThatServeIt: left,
  };
  console.log(options.json === true ? JSON.stringify(json, null, 2) : render(title, dropped.told, left));
  process.exitCode = left === 0 ? EXIT.ok : EXIT.rejected;
}

async function whatIsHeld({ client, tables }: OperatedEdge): Promise<{ revision: string | null; told: string }> {
  const { current } = await client.state(NEVER);
  if (!current) return { revision: null, told: 'nothing: it holds no table of this cluster' };
  const counts = countByKind(await tables.changes(current.pointer.sections, null));
  const held = Object.entries(counts).map(([kind, { removed }]) => `${removed} ${kind}`);
  return { revision: current.revision, told: `revision ${current.revision} (${held.join(', ')})` };
}

/** @returns how many isolates still serve a table of the cluster */
async function untilDropped({ client }: OperatedEdge): Promise<number> {
  for (const begun = systemClock.now(); ; await systemClock.wait(PAUSE_MS, NEVER)) {
    await client.probe(NEVER);
    const { serving } = await client.state(NEVER);
    const left = serving.filter(({ revision }) => revision !== null).reduce((sum, { count }) => sum + count, 0);
    if (left === 0 || systemClock.now() - begun > PATIENCE_MS) return left;
  }
}

function render(title: string, told: string, left: number): string {
  const isolates =
    left === 0
      ? 'No isolate serves it any more.'
      : `${isolatesOf(left)}, heard of before, had not dropped it yet: that happens when the hub is asked next.`;
  return `${title}\n  ${styleText('green', 'evicted')}: ${told}. ${isolates}`;
}
