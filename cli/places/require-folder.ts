import { stat } from 'node:fs/promises';
import { CliError, EXIT } from '../exit-codes.ts';

/** @throws {CliError} where the path is not a folder that can be read */
export async function requireFolder(path: string): Promise<void> {
  const found = await stat(path).catch((error: unknown) => {
    const reason =
      error instanceof Error && 'code' in error && error.code === 'ENOENT' ? 'does not exist' : String(error);
    throw new CliError(`${path} ${reason}: name a folder of YAML resources`, EXIT.environment);
  });
  if (!found.isDirectory()) throw new CliError(`${path} is a file: name a folder of YAML resources`, EXIT.environment);
}
