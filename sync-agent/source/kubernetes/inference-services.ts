import { isDeepStrictEqual } from 'node:util';
import { endpointPickerOf, type EndpointPicker } from '../../inference/endpoint-picker.ts';
import type { EndpointSliceFacts } from '../../inference/endpoint-slice.ts';
import { endpointsOf } from '../../inference/endpoints-of.ts';
import type { InferenceKind, InferenceService } from '../../inference/inference-service.ts';
import { normalizeInferenceService, serviceNamesOf } from '../../inference/normalize-service.ts';
import type { ResourceKey } from '../../snapshot.ts';
import type { InferenceEndpoint } from '../source.ts';
import type { ApiObject, ObjectId } from './api-object.ts';
import { EndpointSlices, type EndpointSlicesOptions } from './endpoint-slices.ts';
import type { KindSink } from './kind-watch.ts';
import type { PendingChanges } from './pending-changes.ts';
import { withoutLastApplied } from './read-resource.ts';

interface Watched {
  readonly raw: ApiObject;
  readonly namespace: string;
  /** Services whose slices tell of it. */
  readonly services: readonly string[];
  /** As it was last told. */
  readonly told: InferenceService | undefined;
}

export interface InferenceServicesOptions extends Omit<EndpointSlicesOptions, 'onChange'> {
  readonly changes: PendingChanges;
  /** There is something to {@link InferenceServices.tell}. */
  readonly onChange: () => void;
}

/** Inference services of all kinds, each with what the EndpointSlices say of its pods. */
export class InferenceServices {
  readonly #options: InferenceServicesOptions;
  readonly #services = new Map<ResourceKey, Watched>();
  /** Those of each namespace. */
  readonly #namespaces = new Map<string, Set<ResourceKey>>();
  readonly #slices: EndpointSlices;
  /** Those of which something has changed since they were told. */
  readonly #stale = new Set<ResourceKey>();

  constructor(options: InferenceServicesOptions) {
    this.#options = options;
    const onChange = (namespace: string, changed: ReadonlySet<string> | undefined) => this.#touch(namespace, changed);
    this.#slices = new EndpointSlices({ ...options, onChange });
  }

  /** Whether everything is known of those that have been seen. */
  get hasSynced(): boolean {
    return [...this.#namespaces.keys()].every((namespace) => this.#slices.of(namespace) !== undefined);
  }

  failures(): Iterable<readonly [namespace: string, failure: Error]> {
    return this.#slices.failures();
  }

  sinkOf(kind: InferenceKind): KindSink<ApiObject> {
    return {
      project: withoutManagement,
      set: (id, raw) => this.#set(`${kind}/${id}`, raw),
      remove: (id) => this.#remove(`${kind}/${id}`, id),
    };
  }

  /** Puts what has changed to the pending changes; what is not known whole is put there once it is. */
  tell(): void {
    for (const key of this.#stale) {
      const watched = this.#services.get(key);
      const slices = watched && this.#slices.of(watched.namespace);
      if (!watched || !slices) continue;
      this.#stale.delete(key);
      const now = normalizeInferenceService(watched.raw, ownSlices(slices, watched), watched.told);
      if (isDeepStrictEqual(now, watched.told)) continue;
      this.#services.set(key, { ...watched, told: now });
      if (now) this.#options.changes.set(now);
      else this.#options.changes.delete(key);
    }
  }

  endpoints(key: ResourceKey): readonly InferenceEndpoint[] {
    const watched = this.#services.get(key);
    return watched ? endpointsOf(watched.raw, ownSlices(this.#slices.of(watched.namespace) ?? [], watched)) : [];
  }

  picker(key: ResourceKey): EndpointPicker | undefined {
    return endpointPickerOf(this.#services.get(key)?.raw);
  }

  async stop(): Promise<void> {
    await this.#slices.stop();
  }

  #set(key: ResourceKey, raw: ApiObject): void {
    const namespace = raw.metadata.namespace ?? '';
    const told = this.#services.get(key)?.told;
    this.#services.set(key, { raw, namespace, services: serviceNamesOf(raw), told });
    this.#namespaces.set(namespace, (this.#namespaces.get(namespace) ?? new Set()).add(key));
    this.#slices.follow(namespace);
    this.#stale.add(key);
    this.#options.onChange();
  }

  #remove(key: ResourceKey, id: ObjectId): void {
    const watched = this.#services.get(key);
    if (!watched) return;
    this.#services.delete(key);
    this.#stale.delete(key);
    const [namespace = ''] = id.split('/');
    const others = this.#namespaces.get(namespace);
    others?.delete(key);
    if (others?.size === 0) {
      this.#namespaces.delete(namespace);
      this.#slices.forget(namespace);
    }
    if (watched.told) this.#options.changes.delete(key);
  }

  #touch(namespace: string, changed: ReadonlySet<string> | undefined): void {
    for (const key of this.#namespaces.get(namespace) ?? [])
      if (!changed || this.#services.get(key)?.services.some((service) => changed.has(service))) this.#stale.add(key);
    this.#options.onChange();
  }
}

function ownSlices(slices: readonly EndpointSliceFacts[], { services }: Watched): readonly EndpointSliceFacts[] {
  return slices.filter(({ service }) => services.includes(service));
}

function withoutManagement(object: ApiObject): ApiObject {
  const { managedFields: _, annotations, ...metadata } = object.metadata;
  const kept = withoutLastApplied(annotations);
  return { ...object, metadata: { ...metadata, ...(kept && { annotations: kept }) } };
}
