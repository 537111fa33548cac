import { relative } from 'node:path';
import { foldersOfRunningGateways } from '../dev/access-file.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import type { Place } from '../places/place.ts';

/**
 * What is meant where nothing is named: the folder of the one `fairlead dev` that runs. Nothing is guessed beyond that:
 * the current folder may hold any number of files that are no resources.
 *
 * @throws {CliError} where none runs, or several do
 */
export async function defaultPlace(): Promise<Place> {
  const [folder, ...others] = await foldersOfRunningGateways();
  if (folder === undefined)
    throw new CliError(
      'name a folder of YAML resources, or a cluster with --context: no `fairlead dev` runs whose folder could be meant',
      EXIT.usage,
    );
  if (others.length > 0)
    throw new CliError(
      `${others.length + 1} \`fairlead dev\` run: name the folder of the one that is meant`,
      EXIT.usage,
    );
  return { type: 'Folder', dir: relative(process.cwd(), folder) || '.' };
}
