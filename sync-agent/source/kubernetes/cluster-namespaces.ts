import { isDeepStrictEqual } from 'node:util';
import type { ClusterNamespace } from '../../snapshot.ts';
import type { ApiObject, ObjectId } from './api-object.ts';
import type { KindSink } from './kind-watch.ts';
import type { PendingChanges } from './pending-changes.ts';

/** The namespaces of a cluster, of which only the labels matter. */
export class ClusterNamespaces implements KindSink<ClusterNamespace> {
  readonly #changes: PendingChanges;
  readonly #objects = new Map<ObjectId, ClusterNamespace>();

  constructor(changes: PendingChanges) {
    this.#changes = changes;
  }

  project({ metadata: { name, labels = {} } }: ApiObject): ClusterNamespace {
    return { kind: 'Namespace', metadata: { namespace: name, name, labels } };
  }

  set(id: ObjectId, namespace: ClusterNamespace): void {
    if (isDeepStrictEqual(this.#objects.get(id), namespace)) return;
    this.#objects.set(id, namespace);
    this.#changes.set(namespace);
  }

  remove(id: ObjectId): void {
    if (!this.#objects.delete(id)) return;
    const name = id.slice(1);
    this.#changes.delete(`Namespace/${name}/${name}`);
  }
}
