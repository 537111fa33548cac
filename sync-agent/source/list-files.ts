import type { BigIntStats } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { forEachBounded } from '../for-each-bounded.ts';

export interface ListedFile {
  /** Path within the folder, with `/` between its parts. */
  readonly path: string;
  /** Changes whenever the content may have changed. */
  readonly fingerprint: string;
  readonly bytes: number;
}

export interface Listing {
  /** Sorted by path. */
  readonly files: readonly ListedFile[];
  /**
   * Folders whose events tell of a change to any of the files, those that symbolic links lead to among them, each
   * with what tells it from another folder of the same name.
   */
  readonly folders: ReadonlyMap<string, string>;
  /** Paths within the folder that could not be looked at, with the reason: what stands there is unknown, not gone. */
  readonly unreadable: ReadonlyMap<string, string>;
}

/** Looks at once, in one folder. */
const PARALLEL_LOOKS = 32;

const RESOURCE_FILE = /\.(ya?ml|json)$/i;

/**
 * All files of resources in a folder and the folders within it. Hidden ones are left out, among them the `..data` of
 * mounted ConfigMaps and Secrets: their files are found by the links beside it.
 *
 * @throws where the folder itself cannot be read
 */
export async function listFiles(root: string): Promise<Listing> {
  const walk = new Walk(root);
  await walk.folder('', await stat(root, { bigint: true }), new Set());
  return {
    files: walk.files.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    folders: walk.folders,
    unreadable: walk.unreadable,
  };
}

class Walk {
  readonly files: ListedFile[] = [];
  readonly folders = new Map<string, string>();
  readonly unreadable = new Map<string, string>();
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** @param above identities of the folders that led here, against links that go in circles */
  async folder(path: string, found: BigIntStats, above: ReadonlySet<string>): Promise<void> {
    const identity = identityOf(found);
    if (above.has(identity)) return;
    const real = await realpath(join(this.#root, path));
    const entries = await readdir(real, { withFileTypes: true });
    this.folders.set(real, identity);
    const below = new Set([...above, identity]);
    const visible = entries.filter(({ name }) => !name.startsWith('.'));
    await forEachBounded(visible, PARALLEL_LOOKS, async (entry) => {
      const entryPath = path === '' ? entry.name : `${path}/${entry.name}`;
      try {
        await this.#entry(entryPath, entry.isSymbolicLink(), below);
      } catch (error) {
        // Gone between two looks: the event of its going brings us here again.
        if (!isMissing(error)) this.unreadable.set(entryPath, error instanceof Error ? error.message : String(error));
      }
    });
  }

  async #entry(path: string, isLink: boolean, above: ReadonlySet<string>): Promise<void> {
    const full = join(this.#root, path);
    const found = await stat(full, { bigint: true });
    if (found.isDirectory()) {
      await this.folder(path, found, above);
      return;
    }
    if (!found.isFile() || !RESOURCE_FILE.test(path)) return;
    if (isLink) {
      const folder = dirname(await realpath(full));
      if (!this.folders.has(folder)) this.folders.set(folder, identityOf(await stat(folder, { bigint: true })));
    }
    const { ino, size, mtimeNs, ctimeNs } = found;
    this.files.push({ path, fingerprint: [ino, size, mtimeNs, ctimeNs].join('/'), bytes: Number(size) });
  }
}

/** An inode's number alone is given to the next one that is made. */
function identityOf({ dev, ino, birthtimeNs }: BigIntStats): string {
  return `${dev}/${ino}/${birthtimeNs}`;
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
