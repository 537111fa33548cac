import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

const root = path.dirname(import.meta.dirname);

/** A file's text, by its path from the root. */
export function readProjectFile(file: string): Promise<string> {
  return readFile(path.join(root, file), 'utf8');
}

/**
 * Makes the generated files what they should be: `wanted` by their paths from the root, and nothing else in `folders`.
 * With `--check` nothing is written; each file that is not as it should be is named, and the exit code is 1 if there is
 * any.
 */
export async function writeGenerated(wanted: ReadonlyMap<string, string>, folders: readonly string[]): Promise<void> {
  for (const folder of folders) await mkdir(path.join(root, folder), { recursive: true });
  const stale = (await Promise.all(folders.map(present))).flat().filter((file) => !wanted.has(file));
  for (const [file, content] of wanted) if ((await current(file)) !== content) stale.push(file);
  if (process.argv.includes('--check')) {
    for (const file of stale) process.stderr.write(`${file} is stale; run npm run generate\n`);
    process.exitCode = stale.length === 0 ? 0 : 1;
    return;
  }
  for (const file of stale) {
    const content = wanted.get(file);
    if (content === undefined) await rm(path.join(root, file));
    else await writeFile(path.join(root, file), content);
    process.stdout.write(`${content === undefined ? 'removed' : 'wrote'} ${file}\n`);
  }
}

async function current(file: string): Promise<string | undefined> {
  try {
    return await readProjectFile(file);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function present(folder: string): Promise<string[]> {
  const entries = await readdir(path.join(root, folder), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'));
}
