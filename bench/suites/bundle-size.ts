import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

import type { Suite } from '../suite.ts';

const bundleDirectory = path.join(import.meta.dirname, '../../dist/worker');

const columns = [
  { key: 'module', heading: 'module' },
  { key: 'kibibytes', heading: 'KiB' },
  { key: 'kibibytesGzipped', heading: 'KiB gzipped' },
];

export const bundleSizeSuite: Suite = {
  name: 'bundle-size',
  does: 'size of the worker that `npm run build` leaves in dist/worker',
  run: async () => {
    const files = await modulesOf(bundleDirectory);
    if (files.length === 0) {
      return { tables: [], unavailable: 'dist/worker is empty: run `npm run build` first' };
    }
    const rows = await Promise.all(
      files.map(async (file) => {
        const bytes = await readFile(path.join(bundleDirectory, file));
        return {
          module: file,
          kibibytes: kibibytes(bytes.length),
          kibibytesGzipped: kibibytes(gzipSync(bytes).length),
        };
      }),
    );
    return { tables: [{ title: 'worker bundle', columns, rows }] };
  },
};

/** What would be uploaded: modules, but no source maps and no notes. */
async function modulesOf(directory: string): Promise<string[]> {
  const files = await readdir(directory).catch(() => []);
  return files.filter((file) => /\.(m?js|wasm|bin|txt)$/.test(file));
}

function kibibytes(bytes: number): number {
  return Math.round((bytes / 1024) * 10) / 10;
}
