import type { Command } from 'commander';

/** What every command takes that asks the edges of a folder. */
export interface EdgeOptions {
  readonly edge?: string;
  readonly keys?: string;
  readonly json?: boolean;
}

export const DIR_ARGUMENT =
  'folder of YAML resources, as the agent reads it (default: that of the one `fairlead dev` that runs, else this one)';

/** @param shape of the JSON document */
export function withEdgeOptions(command: Command, shape: string): Command {
  return command
    .option('--edge <namespace/name>', 'one EdgeGateway, where the folder has several')
    .option('--keys <folder>', 'a folder that `fairlead keygen` wrote, where the resources do not hold the signing key')
    .option('--json', `print one JSON document: ${shape}`);
}

export const ASKING_HELP = `Asks the edge, signed with the key of the folder's EdgeGateway, and changes nothing there. Where \`fairlead dev\` runs on the folder, its edge is the one that is asked.`;
