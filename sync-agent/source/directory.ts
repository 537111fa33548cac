import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Resource } from '../../crds/parse-resource.ts';
import { resourceKey, type ResourceKey, type SnapshotChange } from '../snapshot.ts';
import { DirectoryReader } from './directory-reader.ts';
import type { HeldResources } from './held-files.ts';
import type { Listing } from './list-files.ts';
import { listOrFail } from './read-directory.ts';
import type { Observation, OpenSource, Problem, ResourceSource } from './source.ts';
import { FolderWatches, watchFolder, type WatchFolder } from './watch-folders.ts';

/** Puts other resources in place of those that were read, or beside them. Pure. */
export type Overlay = (resources: readonly Resource[]) => readonly Resource[];

export interface DirectoryOptions {
  readonly dir: string;
  /** A folder has no namespace kube-system: whatever identifies it to the edge. */
  readonly clusterUid?: string;
  readonly overlay?: Overlay;
  readonly watch?: WatchFolder;
}

/** The resources of a folder of YAML and JSON files, watched. */
export function createDirectorySource({
  dir,
  clusterUid = 'directory',
  overlay = (resources) => resources,
  watch = watchFolder,
}: DirectoryOptions): ResourceSource {
  return {
    open: async (onChange) => {
      const folder = new OpenDirectory(dir, overlay, watch, onChange);
      await folder.ensureReadable();
      return { clusterUid, observe: () => folder.observe(), close: async () => folder.close() } satisfies OpenSource;
    },
  };
}

/** New folders may come up while they are listed; beyond this the next event has to do. */
const LISTINGS = 5;

class OpenDirectory {
  readonly #dir: string;
  readonly #overlay: Overlay;
  readonly #reader: DirectoryReader;
  readonly #watches: FolderWatches;
  #known: ReadonlyMap<ResourceKey, Resource> = new Map();
  #problems: readonly Problem[] = [];

  constructor(dir: string, overlay: Overlay, watch: WatchFolder, onChange: () => void) {
    this.#dir = dir;
    this.#overlay = overlay;
    this.#reader = new DirectoryReader(dir);
    this.#watches = new FolderWatches(watch, onChange);
  }

  async ensureReadable(): Promise<void> {
    await listOrFail(this.#reader, this.#dir);
  }

  async observe(): Promise<Observation> {
    const held = await this.#read();
    const resources = this.#overlay([...held.resources.values()].map(({ resource }) => resource));
    const next = new Map(resources.map((resource) => [resourceKey(resource), resource]));
    const changes = changesBetween(this.#known, next);
    this.#known = next;
    if (!isDeepStrictEqual(this.#problems, held.problems)) this.#problems = held.problems;
    return { changes, problems: this.#problems };
  }

  close(): void {
    this.#watches.close();
  }

  async #read(): Promise<HeldResources> {
    let listing: Listing;
    try {
      listing = await this.#reader.list();
      for (let again = 1; this.#watches.follow(listing.folders) && again < LISTINGS; again++)
        listing = await this.#reader.list();
    } catch (error) {
      this.#watches.follow(await nearestFolder(this.#dir));
      return this.#reader.stay(`cannot be read (${error instanceof Error ? error.message : String(error)})`);
    }
    return this.#reader.read(listing);
  }
}

/** The folder that will tell when this one comes back: the nearest above it that exists. */
async function nearestFolder(dir: string): Promise<ReadonlyMap<string, string>> {
  let folder = dirname(resolve(dir));
  while (folder !== dirname(folder) && !(await exists(folder))) folder = dirname(folder);
  return new Map([[folder, `while ${dir} is gone`]]);
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function changesBetween(
  before: ReadonlyMap<ResourceKey, Resource>,
  after: ReadonlyMap<ResourceKey, Resource>,
): SnapshotChange[] {
  const changes: SnapshotChange[] = [];
  for (const key of before.keys()) if (!after.has(key)) changes.push({ type: 'Delete', key });
  for (const [key, resource] of after) {
    const old = before.get(key);
    if (old !== resource && !isDeepStrictEqual(old, resource)) changes.push({ type: 'Set', resource });
  }
  return changes;
}
