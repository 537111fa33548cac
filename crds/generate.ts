import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { generatedFiles } from './generated-files.ts';

/**
 * Writes what is generated from the schemas: the CRD manifests and the pages on the resources. With `--check` nothing
 * is written; each file that is not as it should be is named, and the exit code is 1 if there is any.
 */
const root = path.dirname(import.meta.dirname);
const generatedFolders = ['crds/manifests', 'docs/resources'];

async function current(file: string): Promise<string | undefined> {
  try {
    return await readFile(path.join(root, file), 'utf8');
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

const wanted = await generatedFiles((file) => readFile(path.join(root, file), 'utf8'));
for (const folder of generatedFolders) await mkdir(path.join(root, folder), { recursive: true });
const leftOver = (await Promise.all(generatedFolders.map(present))).flat().filter((file) => !wanted.has(file));
const stale = [...leftOver];
for (const [file, content] of wanted) if ((await current(file)) !== content) stale.push(file);

if (process.argv.includes('--check')) {
  for (const file of stale) process.stderr.write(`${file} is stale; run npm run generate\n`);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  for (const file of stale) {
    const content = wanted.get(file);
    if (content === undefined) await rm(path.join(root, file));
    else await writeFile(path.join(root, file), content);
    process.stdout.write(`${content === undefined ? 'removed' : 'wrote'} ${file}\n`);
  }
}
