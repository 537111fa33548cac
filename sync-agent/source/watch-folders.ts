import { watch } from 'node:fs';

/** Tells of changes to a folder's own entries. */
export type WatchFolder = (folder: string, onEvent: () => void, onEnd: () => void) => { close(): void };

/**
 * One watch for each folder instead of one recursive watch: the set follows what listing found, also behind symbolic
 * links, and a folder that is replaced under its name is watched anew.
 */
export class FolderWatches {
  readonly #watch: WatchFolder;
  readonly #onEvent: () => void;
  readonly #open = new Map<string, { readonly identity: string; readonly watch: { close(): void } }>();

  constructor(watch: WatchFolder, onEvent: () => void) {
    this.#watch = watch;
    this.#onEvent = onEvent;
  }

  /**
   * Watches exactly these folders, each given with its identity. Returns whether any is new, in which case what was
   * listed before may be incomplete.
   */
  follow(folders: ReadonlyMap<string, string>): boolean {
    for (const [folder, { identity, watch }] of this.#open)
      if (folders.get(folder) !== identity) {
        watch.close();
        this.#open.delete(folder);
      }
    let added = false;
    for (const [folder, identity] of folders)
      added = (!this.#open.has(folder) && this.#begin(folder, identity)) || added;
    return added;
  }

  close(): void {
    this.follow(new Map());
  }

  #begin(folder: string, identity: string): boolean {
    const end = () => {
      this.#open.get(folder)?.watch.close();
      this.#open.delete(folder);
      this.#onEvent();
    };
    try {
      this.#open.set(folder, { identity, watch: this.#watch(folder, this.#onEvent, end) });
      return true;
    } catch {
      // Gone since it was listed; the watch on the folder above tells.
      return false;
    }
  }
}

export const watchFolder: WatchFolder = (folder, onEvent, onEnd) => {
  const watcher = watch(folder, { persistent: false }, onEvent);
  watcher.on('error', onEnd);
  return watcher;
};
