import type { RollbackOptions } from '../commands/rollback.ts';
import type { HubState } from '../../contract/publish-api.ts';
import { systemClock } from '../../sync-agent/clock.ts';
import type { ResourceChange } from '../edges/entry-changes.ts';
import { edgeDifference } from '../edges/edge-difference.ts';
import { explained, NEVER, openEdge, type OperatedEdge } from '../edges/operated-edge.ts';
import { withOperated, type OperatedResources } from '../edges/operated-resources.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { placeName, type Place } from '../places/place.ts';
import { chooseRevision } from './choose-revision.ts';
import { renderRollback, renderWaited } from './render-rollback.ts';
import { findPinPlace, type PinPlace } from './pin-place.ts';
import { waitUntilServed, type Waited } from './wait-until-served.ts';

/** What a rollback, or the end of one, is about. */
export interface Rollback {
  readonly edge: OperatedEdge;
  /** Where the EdgeGateway stands. */
  readonly at: PinPlace;
  /** What the edge holds. */
  readonly from: string;
  /** The revision to go back to; none: forward to what the resources say. */
  readonly to: string | undefined;
  /** What becomes of resources. */
  readonly changes: readonly ResourceChange[];
  /** Whether anything had to be changed there. */
  readonly changed: boolean;
}

/** What `fairlead rollback` does. */
export async function runRollback(place: Place, revision: string | undefined, options: RollbackOptions): Promise<void> {
  await withOperated(place, options, (operated) => rollBack(operated, revision, options));
}

async function rollBack(
  operated: OperatedResources,
  revision: string | undefined,
  options: RollbackOptions,
): Promise<void> {
  const edge = await openEdge(operated, onlyGateway(operated));
  const at = await findPinPlace(operated, edge, options.keys);
  const planned = await explained(() => plan(operated, edge, revision, options));
  const changed = await at.pin(planned.to);
  const rollback: Rollback = { ...planned, edge, at, changed };
  if (options.json !== true) console.log(renderRollback(operated, rollback));
  const waited = await wait(rollback, options);
  console.log(
    options.json === true
      ? JSON.stringify(asJson(rollback, waited), null, 2)
      : renderWaited(operated, rollback, waited),
  );
  process.exitCode = waited?.type === 'Patience' ? EXIT.rejected : EXIT.ok;
}

function onlyGateway({ place, gateways }: OperatedResources) {
  const [gateway, ...others] = gateways;
  if (gateway && others.length === 0) return gateway;
  const names = gateways.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
  throw new CliError(
    `${placeName(place)} has several EdgeGateways: choose one with --edge (${names.join(', ')})`,
    EXIT.usage,
  );
}

async function plan(
  operated: OperatedResources,
  edge: OperatedEdge,
  asked: string | undefined,
  { undo }: RollbackOptions,
): Promise<Pick<Rollback, 'from' | 'to' | 'changes'>> {
  if (undo === true) {
    const state = await edge.client.state(NEVER);
    const { changes } = await edgeDifference(edge, state, operated);
    return { from: state.current?.revision ?? 'nothing', to: undefined, changes };
  }
  const { revisions } = await edge.client.history(NEVER);
  const target = chooseRevision(revisions, asked);
  const [current] = revisions;
  const changes = await edge.tables.changes(current?.pointer.sections ?? null, target.pointer.sections);
  return { from: current?.revision ?? 'nothing', to: target.revision, changes };
}

async function wait(
  { edge, to, changes, changed }: Rollback,
  { wait: isWanted, timeout }: RollbackOptions,
): Promise<Waited | undefined> {
  if (!isWanted || edge.gateway.spec.suspend) return undefined;
  if (!changed && changes.length === 0) return undefined;
  return waitUntilServed({
    state: () => edge.client.state(NEVER),
    probe: () => edge.client.probe(NEVER),
    isThere: ({ pointer }: NonNullable<HubState['current']>) => pointer.rollbackOf === to,
    patienceMs: timeout * 1000,
    clock: systemClock,
    signal: NEVER,
  });
}

function asJson({ edge, at, from, to, changes, changed }: Rollback, waited: Waited | undefined) {
  return { edge: edge.id, file: at.file, from, to: to ?? null, changes, changed, served: waited ?? null };
}
