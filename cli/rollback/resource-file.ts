import { readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { listFiles } from '../../sync-agent/source/list-files.ts';
import { parseDocuments } from '../../sync-agent/source/parse-documents.ts';
import type { ResourceKey } from '../../sync-agent/snapshot.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { writeFileAtomically } from '../write-file-atomically.ts';
import { CannotEdit, editSpecField } from './edit-spec-field.ts';

/** The file of a folder that says what a resource is: of several the first, as for the agent. */
export async function findResourceFile(dir: string, resource: ResourceKey): Promise<string | undefined> {
  const { files } = await listFiles(dir);
  for (const { path } of files) {
    const text = await readFile(join(dir, path), 'utf8');
    if (parseDocuments(path, text).resources.some(({ key }) => key === resource)) return join(dir, path);
  }
  return undefined;
}

/**
 * Sets one field of a resource's spec in its file, or removes it.
 *
 * @returns whether the file is another than before
 * @throws {CliError} that says what to write by hand
 */
export async function setSpecField(
  path: string,
  resource: ResourceKey,
  field: string,
  value: string | undefined,
): Promise<boolean> {
  try {
    const text = await readFile(path, 'utf8');
    const edited = editSpecField(text, resource, field, value);
    if (edited === text) return false;
    const { mode } = await stat(await realpath(path));
    await writeFileAtomically(path, edited, mode & 0o777);
    return true;
  } catch (error) {
    const byHand = value === undefined ? `remove ${field} from` : `write ${field}: "${value}" into`;
    if (error instanceof CannotEdit)
      throw new CliError(
        `${path} cannot be edited (${error.message}): ${byHand} the spec of ${resource} yourself`,
        EXIT.environment,
      );
    if (!(error instanceof Error) || !('code' in error)) throw error;
    throw new CliError(
      `${path} cannot be written (${error.message}): ${byHand} the spec of ${resource}`,
      EXIT.environment,
    );
  }
}
