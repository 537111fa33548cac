import { isKind } from '../../crds/kinds.ts';
import { resourceKey, type ResourceKey, type SnapshotChange } from '../snapshot.ts';

/** The `metadata.generation` of every resource of ours, as far as it has one: those of a folder have none. */
export class Generations {
  #current: ReadonlyMap<ResourceKey, number> = new Map();

  /** After these changes; the same object as before where no generation changed. */
  apply(changes: readonly SnapshotChange[]): ReadonlyMap<ResourceKey, number> {
    const news = changes.flatMap((change) => {
      const [key, generation] = generationIn(change);
      return key === undefined || this.#current.get(key) === generation ? [] : [[key, generation] as const];
    });
    if (news.length === 0) return this.#current;
    const next = new Map(this.#current);
    for (const [key, generation] of news)
      if (generation === undefined) next.delete(key);
      else next.set(key, generation);
    return (this.#current = next);
  }
}

function generationIn(change: SnapshotChange): [ResourceKey | undefined, number | undefined] {
  switch (change.type) {
    case 'Delete':
      return [change.key, undefined];
    case 'Set': {
      const { resource } = change;
      if (!isKind(resource.kind) || !('generation' in resource.metadata)) return [undefined, undefined];
      return [resourceKey(resource), resource.metadata.generation];
    }
  }
}
