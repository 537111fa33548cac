import type { Clock } from '../../clock.ts';
import { readEndpointSlice, type EndpointSliceFacts } from '../../inference/endpoint-slice.ts';
import type { KubernetesApi } from '../../kubernetes/api.ts';
import type { ObjectId } from './api-object.ts';
import { Endings } from './endings.ts';
import type { ReflectedStore } from './reflector.ts';
import { startReflector, type RunningReflector } from './running-reflector.ts';

export interface EndpointSlicesOptions {
  readonly api: KubernetesApi;
  /** The slices of some Services of a namespace are others. @property services undefined: all of them may be */
  readonly onChange: (namespace: string, services: ReadonlySet<string> | undefined) => void;
  readonly clock: Clock;
  readonly random: () => number;
}

interface Namespace {
  readonly slices: Map<ObjectId, EndpointSliceFacts>;
  readonly reflector: RunningReflector;
}

/** The EndpointSlices of the namespaces that have inference services: those of a whole cluster would be very many. */
export class EndpointSlices {
  readonly #options: EndpointSlicesOptions;
  readonly #namespaces = new Map<string, Namespace>();
  readonly #endings = new Endings();

  constructor(options: EndpointSlicesOptions) {
    this.#options = options;
  }

  /** Undefined: they are not known yet. */
  of(namespace: string): readonly EndpointSliceFacts[] | undefined {
    const known = this.#namespaces.get(namespace);
    return known?.reflector.hasSynced ? [...known.slices.values()] : undefined;
  }

  /** Of each namespace what keeps its slices from being read. */
  *failures(): Generator<readonly [namespace: string, failure: Error]> {
    for (const [namespace, { reflector }] of this.#namespaces)
      if (reflector.state?.type === 'Failing') yield [namespace, reflector.state.failure];
  }

  follow(namespace: string): void {
    if (this.#namespaces.has(namespace)) return;
    const { api, clock, random, onChange } = this.#options;
    const slices = new Map<ObjectId, EndpointSliceFacts>();
    const reflector = startReflector<EndpointSliceFacts>({
      api,
      collection: { path: `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices` },
      project: (object) => readEndpointSlice(object),
      store: storeOf(slices, (services) => onChange(namespace, services)),
      // It is told before the reflector says that it has synced, and once after.
      onState: () => onChange(namespace, undefined),
      clock,
      random,
    });
    this.#namespaces.set(namespace, { slices, reflector });
  }

  forget(namespace: string): void {
    const known = this.#namespaces.get(namespace);
    if (!known) return;
    this.#namespaces.delete(namespace);
    this.#endings.add(known.reflector.stop());
  }

  async stop(): Promise<void> {
    for (const namespace of this.#namespaces.keys()) this.forget(namespace);
    await this.#endings.settled();
  }
}

function storeOf(
  slices: Map<ObjectId, EndpointSliceFacts>,
  onChange: (services: ReadonlySet<string>) => void,
): ReflectedStore<EndpointSliceFacts> {
  const tell = (...changed: readonly (EndpointSliceFacts | undefined)[]) =>
    onChange(new Set(changed.flatMap((slice) => slice?.service ?? [])));
  return {
    replace: (objects) => {
      const before = [...slices.values()];
      slices.clear();
      for (const [id, slice] of objects) slices.set(id, slice);
      tell(...before, ...objects.values());
    },
    set: (id, slice) => {
      const before = slices.get(id);
      slices.set(id, slice);
      tell(before, slice);
    },
    remove: (id) => {
      const before = slices.get(id);
      slices.delete(id);
      tell(before);
    },
  };
}
