import type { Resource } from '../../crds/parse-resource.ts';
import { readDirectory } from '../../sync-agent/source/read-directory.ts';
import type { Problem } from '../../sync-agent/source/source.ts';
import {
  resourceId,
  resourceKey,
  type ResourceId,
  type ResourceKey,
  type ResourceOf,
} from '../../sync-agent/snapshot.ts';
import { findAccess, type DevAccess } from '../dev/access-file.ts';
import { overlay } from '../dev/overlay.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { requireFolder } from '../folder.ts';

/** A folder of resources whose edges are asked, as the agent that publishes it sees it. */
export interface OperatedFolder {
  readonly dir: string;
  readonly resources: readonly Resource[];
  readonly problems: readonly Problem[];
  /** Those that are asked for. */
  readonly gateways: readonly ResourceOf<'EdgeGateway'>[];
  /** The gateway of `fairlead dev` that runs on the folder, which is then the one that is asked. */
  readonly dev: DevAccess | undefined;
  /** What only the running gateway can compile: a real provider that joined, whose key it alone has. */
  readonly notComparable: ReadonlySet<ResourceKey>;
}

export interface OperatedFolderOptions {
  /** `namespace/name` of the EdgeGateway; absent: all of the folder. */
  readonly edge?: string | undefined;
  /** A folder of keys, where the resources hold none. */
  readonly keys?: string | undefined;
}

/** @throws {CliError} where there is no edge to ask */
export async function readOperatedFolder(dir: string, options: OperatedFolderOptions): Promise<OperatedFolder> {
  await requireFolder(dir);
  const read = await readDirectory(dir);
  // Keys that are named mean an edge of those keys.
  const dev = options.keys === undefined ? await findAccess(dir) : undefined;
  const resources = dev ? overlaid(read.resources, dev) : await withKeys(read.resources, options.keys);
  const all = resources.filter((resource): resource is ResourceOf<'EdgeGateway'> => resource.kind === 'EdgeGateway');
  const gateways = all
    .filter(({ metadata }) => options.edge === undefined || resourceId(metadata) === options.edge)
    .toSorted((a, b) => (resourceId(a.metadata) < resourceId(b.metadata) ? -1 : 1));
  if (gateways.length === 0) throw new CliError(nothingToAsk(dir, options.edge, all, dev), EXIT.usage);
  const [gateway] = gateways;
  const joined = dev?.openAI && gateway ? [`LLMProvider/${gateway.metadata.namespace}/openai`] : [];
  return { dir, resources, problems: read.problems, gateways, dev, notComparable: new Set(joined) };
}

function overlaid(resources: readonly Resource[], dev: DevAccess): Resource[] {
  return overlay(resources, {
    endpoint: dev.endpoint,
    clusterName: dev.cluster,
    keys: dev.keys,
    edge: dev.gateway,
    simulator: dev.simulator,
    openAI: dev.openAI && { ...dev.openAI, apiKey: 'only-the-running-gateway-knows-it' },
  });
}

/** What the folder says goes before what lies beside the keys. */
async function withKeys(resources: readonly Resource[], keys: string | undefined): Promise<readonly Resource[]> {
  if (keys === undefined) return resources;
  await requireFolder(keys);
  const said = new Set(resources.map(resourceKey));
  const beside = (await readDirectory(keys)).resources.filter((resource) => !said.has(resourceKey(resource)));
  return [...resources, ...beside];
}

function nothingToAsk(
  dir: string,
  edge: ResourceId | undefined,
  gateways: readonly ResourceOf<'EdgeGateway'>[],
  dev: DevAccess | undefined,
): string {
  const names = gateways.map(({ metadata }) => resourceId(metadata));
  if (dev && edge !== undefined)
    return `\`fairlead dev\` runs ${names.join(', ')} of ${dir}, not ${edge}: to ask another edge, name its keys with --keys`;
  if (edge !== undefined && names.length > 0) return `${dir} has no EdgeGateway ${edge}: it has ${names.join(', ')}`;
  return (
    `${dir} has no EdgeGateway, so there is no edge to ask: add the folder that \`fairlead keygen\` wrote with --keys, ` +
    'or start a gateway on it with `fairlead dev --dir`'
  );
}
