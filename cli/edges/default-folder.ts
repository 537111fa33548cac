import { relative } from 'node:path';
import { foldersOfRunningGateways } from '../dev/access-file.ts';

/** The folder that is meant where none is named: that of the one `fairlead dev` that runs, else the current one. */
export async function defaultFolder(): Promise<string> {
  const [folder, ...others] = await foldersOfRunningGateways();
  return folder === undefined || others.length > 0 ? '.' : relative(process.cwd(), folder) || '.';
}
