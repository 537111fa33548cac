import type { Compilation } from '../sync-agent/compile/compilation.ts';
import type { Problem } from '../sync-agent/source/source.ts';
import { resourceId, resourceKey, type Resource, type ResourceId, type ResourceOf } from '../sync-agent/snapshot.ts';
import { localGateway, signingSecret } from './dev/local-resources.ts';
import { makeEdgeKeys } from './edge-keys.ts';
import { compileUnseen } from './edges/compile-as-seen.ts';
import { gatewaysOf, signingSecrets } from './places/gateways.ts';
import { placeName, placeNoun, type Place } from './places/place.ts';
import type { Reading } from './places/reading.ts';
import { standInForUnread, unreadNote } from './places/unread-secrets.ts';
import { writtenResources } from './places/written-resources.ts';

/** Resources of a place, ready to be compiled for each of its edges. */
export interface CompilableResources {
  readonly place: Place;
  readonly resources: readonly Resource[];
  readonly problems: readonly Problem[];
  readonly gateways: readonly ResourceOf<'EdgeGateway'>[];
  /** What was added so that they compile, and what was not read: each a sentence. */
  readonly notes: readonly string[];
}

/**
 * Completes what a place holds for `compile` and `explain`, which publish nothing: where there is no EdgeGateway, or
 * not the Secret that one signs with (nobody keeps those in Git, and not everyone may read them), a stand-in is added.
 */
export async function compilableResources(reading: Reading): Promise<CompilableResources> {
  const { place, problems } = reading;
  // A constant key for naming secrets: the same resources give the same bytes.
  const keys = { ...(await makeEdgeKeys()), secretIdKey: Buffer.alloc(32).toString('base64url') };
  const notes = [...reading.notes];
  const added: Resource[] = [];
  let gateways = gatewaysOf(reading.resources);
  if (gateways.length === 0) {
    const gateway = localGateway(writtenResources(reading.resources), keys);
    gateways = [gateway];
    added.push(gateway);
    notes.push(
      `${noGateway(place)}: compiled for one named ${resourceId(gateway.metadata)} that allows everything local`,
    );
  }
  const signing = signingSecrets(gateways);
  const { resources, unread } = standInForUnread(reading.resources, signing);
  if (unread.length > 0) notes.push(unreadNote(unread));
  const held = new Set(resources.map(resourceKey));
  for (const id of signing) {
    const isDenied = held.has(`DeniedSecret/${id}`);
    // That a cluster lacks it is a fault of the cluster's, for its EdgeGateway.
    const isFault = place.type === 'Cluster' && !isDenied && added.length === 0;
    if (held.has(`Secret/${id}`) || isFault) continue;
    const [namespace = '', name = ''] = id.split('/');
    added.push(signingSecret({ namespace, name }, keys));
    notes.push(
      isDenied
        ? `you may not read Secret ${id}: a made-up key stands in for it`
        : `Secret ${id} is not in the ${placeNoun(place)}: a made-up key stands in for it`,
    );
  }
  const known = resources.filter(({ kind, metadata }) => kind !== 'DeniedSecret' || !signing.has(resourceId(metadata)));
  return { place, resources: [...known, ...added], problems, gateways, notes };
}

function noGateway(place: Place): string {
  return place.type === 'Folder'
    ? 'the folder has no EdgeGateway'
    : `${placeName(place)} has no EdgeGateway that you may read`;
}

/** Compiles for one edge without asking it anything. @returns a note where that matters, too */
export async function compileForEdge(
  resources: readonly Resource[],
  edge: ResourceId,
): Promise<{ readonly compilation: Compilation; readonly note: string | undefined }> {
  const compilation = await compileUnseen(resources, edge);
  const count = compilation.sightings.size;
  const services = count === 1 ? 'one inference service' : `${count} inference services`;
  const note = `the edge ${edge} was not asked which models answer behind ${services}: what their specifications say counts here, and \`fairlead diff\` asks`;
  return { compilation, note: count === 0 ? undefined : note };
}
