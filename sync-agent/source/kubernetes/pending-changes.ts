import { resourceKey, type Resource, type ResourceKey, type SnapshotChange } from '../../snapshot.ts';

/** What has changed since it was last asked for: of each resource the last. */
export class PendingChanges {
  readonly #changes = new Map<ResourceKey, SnapshotChange>();
  readonly #onChange: () => void;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  set(resource: Resource): void {
    this.#changes.set(resourceKey(resource), { type: 'Set', resource });
    this.#onChange();
  }

  delete(key: ResourceKey): void {
    this.#changes.set(key, { type: 'Delete', key });
    this.#onChange();
  }

  /** Those that may be told by now; the others stay. */
  take(isReady: (change: SnapshotChange) => boolean): SnapshotChange[] {
    const ready = [...this.#changes].filter(([, change]) => isReady(change));
    for (const [key] of ready) this.#changes.delete(key);
    return ready.map(([, change]) => change);
  }
}
