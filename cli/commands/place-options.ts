import type { Command } from 'commander';
import type { ClusterPlace, Place } from '../places/place.ts';
import { CliError, EXIT } from '../exit-codes.ts';

/** What every command takes that reads resources, from a folder or from a cluster. */
export interface PlaceOptions {
  readonly context?: string;
  readonly kubeconfig?: string;
  /** Only commands that report resource by resource take it. */
  readonly namespace?: string;
}

export function withClusterOptions(command: Command): Command {
  return command
    .option('--context <name>', 'the resources of the cluster that this context of your kubeconfig names')
    .option('--kubeconfig <file>', 'the same by another kubeconfig (default: the one that kubectl takes)');
}

export function withNamespaceOption(command: Command): Command {
  return command.option(
    '--namespace <name>',
    'report resources of this namespace alone; where neither folder nor context is named, those of your current context',
  );
}

/** What becomes of a folder where a cluster is named too. */
export type OnBoth = 'LayOver' | 'Refuse';

export const CLUSTER_HELP =
  'With --context or --kubeconfig, and no folder, the resources are those of a cluster, as far as you may read them.';

export const OVERLAY_HELP = `${CLUSTER_HELP} With a folder and a cluster, the folder lies over what the cluster holds, as it would after \`kubectl apply\`.`;

/** The place that is named; undefined where none is. @throws {CliError} where two are and the command is about one */
export function namedPlace(dir: string | undefined, options: PlaceOptions, onBoth: OnBoth): Place | undefined {
  const { context, kubeconfig, namespace } = options;
  const cluster: ClusterPlace = { type: 'Cluster', context, kubeconfig, namespace };
  const isCluster = context !== undefined || kubeconfig !== undefined;
  if (dir === undefined) return isCluster || namespace !== undefined ? cluster : undefined;
  if (!isCluster) return { type: 'Folder', dir, namespace };
  if (onBoth === 'LayOver') return { type: 'Overlay', dir, cluster, namespace };
  throw new CliError(
    `this is about what is published, and ${dir} over a cluster is not: name the folder or the cluster`,
    EXIT.usage,
  );
}
