import type { Command } from 'commander';
import { withClusterOptions, type PlaceOptions } from './place-options.ts';

/** What every command takes that asks the edges of a folder or cluster. */
export interface EdgeOptions extends PlaceOptions {
  readonly edge?: string;
  readonly keys?: string;
  readonly json?: boolean;
}

export const DIR_ARGUMENT =
  'folder of YAML resources, as the agent reads it (default: that of the `fairlead dev` that runs)';

/** @param shape of the JSON document */
export function withEdgeOptions(command: Command, shape: string): Command {
  return withClusterOptions(command)
    .option('--edge <namespace/name>', 'one EdgeGateway, where there are several')
    .option('--keys <folder>', 'a folder that `fairlead keygen` wrote, where the resources do not hold the signing key')
    .option('--json', `print one JSON document: ${shape}`);
}

export const SIGNED_HELP = `Asks the edge, signed with the key that its EdgeGateway names. Where \`fairlead dev\` runs on the folder, its edge is the one that is asked.`;

export const ASKING_HELP = `${SIGNED_HELP} It changes nothing there.`;
