import { readDirectory } from '../../sync-agent/source/read-directory.ts';
import type { Problem } from '../../sync-agent/source/source.ts';
import {
  resourceId,
  resourceKey,
  type Resource,
  type ResourceId,
  type ResourceKey,
  type ResourceOf,
} from '../../sync-agent/snapshot.ts';
import { findAccess, type DevAccess } from '../dev/access-file.ts';
import { overlay } from '../dev/overlay.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { gatewaysOf, signingSecrets } from '../places/gateways.ts';
import { placeName, type Place } from '../places/place.ts';
import type { ClusterAtHand, Reading } from '../places/reading.ts';
import { requireFolder } from '../places/require-folder.ts';
import { standInFor, standInForUnread, unreadNote } from '../places/unread-secrets.ts';
import { withReading } from '../places/with-reading.ts';
import { writtenResources } from '../places/written-resources.ts';

/** Resources whose edges are asked, as the agent that publishes them sees them. */
export interface OperatedResources {
  readonly place: Place;
  readonly resources: readonly Resource[];
  readonly problems: readonly Problem[];
  readonly notes: readonly string[];
  readonly cluster: ClusterAtHand | undefined;
  /** Those that are asked for. */
  readonly gateways: readonly ResourceOf<'EdgeGateway'>[];
  /** The gateway of `fairlead dev` that runs on the folder, which is then the one that is asked. */
  readonly dev: DevAccess | undefined;
  /** Consumers whose keys are not all known here. */
  readonly unknownConsumers: ReadonlySet<ResourceKey>;
}

export interface OperatedOptions {
  /** `namespace/name` of the EdgeGateway; absent: all. */
  readonly edge?: string | undefined;
  /** A folder of keys, where the resources hold none. */
  readonly keys?: string | undefined;
}

/** Reads a place for a command that asks its edges. @throws {CliError} where there is no edge to ask */
export function withOperated<T>(
  place: Place,
  options: OperatedOptions,
  use: (operated: OperatedResources) => Promise<T>,
): Promise<T> {
  return withReading(place, async (reading) => {
    const operated = await operatedResources(reading, options);
    requireEdge(operated, options);
    return use(operated);
  });
}

/** @throws {CliError} where there is no edge to ask */
export function requireEdge(operated: OperatedResources, { edge }: OperatedOptions): void {
  if (operated.gateways.length === 0) throw new CliError(nothingToAsk(operated, edge), EXIT.usage);
}

/** The same where there may be no edge to ask. */
export async function operatedResources(reading: Reading, options: OperatedOptions): Promise<OperatedResources> {
  const { place } = reading;
  // Keys that are named mean an edge of those keys.
  const dev = place.type === 'Folder' && options.keys === undefined ? await findAccess(place.dir) : undefined;
  const known = dev ? overlaid(reading.resources, dev) : await withKeys(reading.resources, options.keys);
  const { resources, unread, consumers } = standInForUnread(known, signingSecrets(gatewaysOf(known)));
  const gateways = gatewaysOf(resources)
    .filter(({ metadata }) => options.edge === undefined || resourceId(metadata) === options.edge)
    .toSorted((a, b) => (resourceId(a.metadata) < resourceId(b.metadata) ? -1 : 1));
  return {
    ...reading,
    resources,
    notes: [...reading.notes, ...(unread.length === 0 ? [] : [unreadNote(unread)])],
    gateways,
    dev,
    unknownConsumers: consumers,
  };
}

function overlaid(resources: readonly Resource[], dev: DevAccess): Resource[] {
  return overlay(writtenResources(resources), {
    endpoint: dev.endpoint,
    clusterName: dev.cluster,
    keys: dev.keys,
    edge: dev.gateway,
    simulator: dev.simulator,
    // A real provider that joined, whose key the running gateway alone has.
    openAI: dev.openAI && { ...dev.openAI, apiKey: standInFor('the key of OpenAI') },
  });
}

/** What the place says goes before what lies beside the keys. */
async function withKeys(resources: readonly Resource[], keys: string | undefined): Promise<readonly Resource[]> {
  if (keys === undefined) return resources;
  await requireFolder(keys);
  const said = new Set(resources.map(resourceKey));
  const beside = (await readDirectory(keys)).resources.filter((resource) => !said.has(resourceKey(resource)));
  const denied = new Set(beside.map((resource) => `Denied${resourceKey(resource)}`));
  return [...resources.filter((resource) => !denied.has(resourceKey(resource))), ...beside];
}

function nothingToAsk({ place, resources, dev, notes }: OperatedResources, edge: ResourceId | undefined): string {
  const name = placeName(place);
  const names = gatewaysOf(resources).map(({ metadata }) => resourceId(metadata));
  if (dev && edge !== undefined)
    return `\`fairlead dev\` runs ${names.join(', ')} of ${name}, not ${edge}: to ask another edge, name its keys with --keys`;
  if (edge !== undefined && names.length > 0) return `${name} has no EdgeGateway ${edge}: it has ${names.join(', ')}`;
  switch (place.type) {
    case 'Folder':
      return (
        `${name} has no EdgeGateway, so there is no edge to ask: add the folder that \`fairlead keygen\` wrote with --keys, ` +
        'or start a gateway on it with `fairlead dev --dir`'
      );
    case 'Cluster':
    case 'Overlay':
      return [`${name} has no EdgeGateway that you may read, so there is no edge to ask`, ...notes].join('; ');
  }
}
