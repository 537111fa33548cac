import type { RollbackOptions } from '../commands/rollback.ts';
import type { HubState } from '../../contract/publish-api.ts';
import { systemClock } from '../../sync-agent/clock.ts';
import type { ResourceChange } from '../edges/entry-changes.ts';
import { folderDifference } from '../edges/folder-difference.ts';
import { explained, NEVER, openEdge, type OperatedEdge } from '../edges/operated-edge.ts';
import { readOperatedFolder, type OperatedFolder } from '../edges/operated-folder.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { chooseRevision } from './choose-revision.ts';
import { renderRollback, renderWaited } from './render-rollback.ts';
import { findResourceFile, setSpecField } from './resource-file.ts';
import { waitUntilServed, type Waited } from './wait-until-served.ts';

/** What a rollback, or the end of one, is about. */
export interface Rollback {
  readonly edge: OperatedEdge;
  /** Where the EdgeGateway stands. */
  readonly file: string;
  /** What the edge holds. */
  readonly from: string;
  /** The revision to go back to; none: forward to what the folder says. */
  readonly to: string | undefined;
  /** What becomes of resources. */
  readonly changes: readonly ResourceChange[];
  /** Whether the file had to be changed. */
  readonly changed: boolean;
}

/** What `fairlead rollback` does. */
export async function runRollback(dir: string, revision: string | undefined, options: RollbackOptions): Promise<void> {
  const folder = await readOperatedFolder(dir, options);
  const edge = await openEdge(folder, onlyGateway(folder));
  const file = await findResourceFile(dir, `EdgeGateway/${edge.id}`);
  if (file === undefined) throw new CliError(notInFolder(dir, edge, options), EXIT.environment);
  const planned = await explained(() => plan(folder, edge, revision, options));
  const changed = await setSpecField(file, `EdgeGateway/${edge.id}`, 'pinnedRevision', planned.to);
  const rollback: Rollback = { ...planned, edge, file, changed };
  if (options.json !== true) console.log(renderRollback(folder, rollback));
  const waited = await wait(rollback, options);
  console.log(
    options.json === true ? JSON.stringify(asJson(rollback, waited), null, 2) : renderWaited(folder, rollback, waited),
  );
  process.exitCode = waited?.type === 'Patience' ? EXIT.rejected : EXIT.ok;
}

function onlyGateway({ dir, gateways }: OperatedFolder) {
  const [gateway, ...others] = gateways;
  if (gateway && others.length === 0) return gateway;
  const names = gateways.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
  throw new CliError(`${dir} has several EdgeGateways: choose one with --edge (${names.join(', ')})`, EXIT.usage);
}

async function plan(
  folder: OperatedFolder,
  edge: OperatedEdge,
  asked: string | undefined,
  { undo }: RollbackOptions,
): Promise<Pick<Rollback, 'from' | 'to' | 'changes'>> {
  if (undo === true) {
    const state = await edge.client.state(NEVER);
    const { changes } = await folderDifference(edge, state, folder);
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

function notInFolder(dir: string, { id }: OperatedEdge, { keys }: RollbackOptions): string {
  const where = keys === undefined ? 'a file of it' : `a file of it (that of ${keys} is for the keys)`;
  return `${dir} does not hold EdgeGateway ${id}: write it into ${where}, or run kubectl patch edgegateway with spec.pinnedRevision`;
}

function asJson({ edge, file, from, to, changes, changed }: Rollback, waited: Waited | undefined) {
  return { edge: edge.id, file, from, to: to ?? null, changes, changed, served: waited ?? null };
}
