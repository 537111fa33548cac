import type { Resource } from '../../../crds/parse-resource.ts';
import type { ResourceKey } from '../../snapshot.ts';
import type { Problem, StoredObject } from '../source.ts';
import { objectId, type ApiObject, type ObjectId } from './api-object.ts';
import type { KindSink } from './kind-watch.ts';
import { readResource, type ReadResource } from './read-resource.ts';

/** A resource, once: what is compiled of it, and what the API server has beside. */
export interface KeptResource {
  readonly stored: KeptObject;
  readonly read: ReadResource;
}

export interface StoredResourcesOptions {
  readonly kind: Exclude<Resource['kind'], 'Secret'>;
  /**
   * What is compiled of a resource has changed; undefined: it is not there, or cannot be read. Both are undefined where
   * one that cannot be read has changed.
   */
  readonly onChange: (key: ResourceKey, before: Resource | undefined, now: Resource | undefined) => void;
}

/** All resources of a kind that people write. */
export class StoredResources implements KindSink<KeptResource> {
  readonly #options: StoredResourcesOptions;
  readonly #objects = new Map<ObjectId, KeptResource>();

  constructor(options: StoredResourcesOptions) {
    this.#options = options;
  }

  stored(id: ObjectId): StoredObject | undefined {
    return this.#objects.get(id)?.stored;
  }

  *problems(): Generator<Problem> {
    for (const [id, { read }] of this.#objects)
      for (const issue of read.issues) {
        const key = this.#keyOf(id);
        const meanwhile = read.resource ? 'What it said before stays in use' : 'It is left out';
        const sentence = `${issue}. ${meanwhile}: the API server stored it under another version of the CRD`;
        yield { severity: 'error', file: key, line: 1, column: 1, resource: key, sentence };
      }
  }

  project(object: ApiObject): KeptResource {
    const before = this.#objects.get(objectId(object))?.read.resource;
    return { stored: new KeptObject(object), read: readResource(object, this.#options.kind, before) };
  }

  isDeleting({ stored }: KeptResource): boolean {
    return stored.isDeleting;
  }

  set(id: ObjectId, object: KeptResource): void {
    const { stored, read } = object;
    const before = this.#objects.get(id)?.read.resource;
    const now = read.resource ?? this.#instead(before);
    this.#objects.set(id, now === read.resource ? object : { stored, read: { ...read, resource: now } });
    if (before !== now || read.issues.length > 0) this.#options.onChange(this.#keyOf(id), before, now);
  }

  /** What grants something is left out when it cannot be read; an edge whose EdgeGateway cannot be is not deleted. */
  #instead(before: Resource | undefined): Resource | undefined {
    return before?.kind === 'EdgeGateway' ? before : undefined;
  }

  keep(id: ObjectId, { stored }: KeptResource): void {
    const before = this.#objects.get(id);
    if (before) this.#objects.set(id, { ...before, stored });
  }

  remove(id: ObjectId): void {
    const before = this.#objects.get(id)?.read.resource;
    this.#objects.delete(id);
    if (before) this.#options.onChange(this.#keyOf(id), before, undefined);
  }

  #keyOf(id: ObjectId): ResourceKey {
    return `${this.#options.kind}/${id}`;
  }
}

/** What the API server has of a resource beside what is compiled. */
class KeptObject implements StoredObject {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  readonly isDeleting: boolean;
  /** As text: an agent that has ten thousand of them reads one now and then, and a parsed one takes twice as much. */
  readonly #status: string | undefined;

  constructor({ metadata, status }: ApiObject) {
    this.uid = metadata.uid;
    this.resourceVersion = metadata.resourceVersion;
    this.generation = metadata.generation;
    this.isDeleting = typeof metadata.deletionTimestamp === 'string';
    this.#status = status === undefined ? undefined : JSON.stringify(status);
  }

  get status(): unknown {
    return this.#status === undefined ? undefined : JSON.parse(this.#status);
  }
}
