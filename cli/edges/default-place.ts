import { relative } from 'node:path';
import { foldersOfRunningGateways } from '../dev/access-file.ts';
import type { Place } from '../places/place.ts';

/** What is meant where nothing is named: the folder of the one `fairlead dev` that runs, else the current one. */
export async function defaultPlace(): Promise<Place> {
  const [folder, ...others] = await foldersOfRunningGateways();
  const dir = folder === undefined || others.length > 0 ? '.' : relative(process.cwd(), folder) || '.';
  return { type: 'Folder', dir };
}
