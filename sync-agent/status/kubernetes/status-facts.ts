import type { Compilation, Condition, DiscoveredModel, RoutedService } from '../../compile/compilation.ts';
import type { ResourceId, ResourceKey } from '../../snapshot.ts';
import { NOTHING_OBSERVED, type EdgeObservation } from '../edge-observation.ts';
import type { AgentEvent } from '../status-sink.ts';

/** What one edge says of a resource. */
export interface EdgeOpinion {
  readonly edge: ResourceId;
  /** What it compiles to, and of which generation. */
  readonly conditions: readonly Condition[];
  readonly generation: number | undefined;
  /** Programmed, and of which generation; none: the edge has not been heard of. */
  readonly programmed: Condition | undefined;
  readonly programmedGeneration: number | undefined;
}

/** All that is known of a resource. */
export interface ResourceWord {
  /** Of every edge that it concerns, sorted by edge. */
  readonly opinions: readonly EdgeOpinion[];
  /** Why what is stored could not be read. */
  readonly problems: readonly string[];
  /** Whether there is any EdgeGateway. */
  readonly hasEdges: boolean;
}

export interface EdgeWordOfItself {
  readonly observation: EdgeObservation;
  readonly attached: Compilation['counts'] | undefined;
  readonly discovered: readonly DiscoveredModel[];
}

type EventOf<Type extends AgentEvent['type']> = Extract<AgentEvent, { type: Type }>;

interface EdgeFacts {
  readonly compiled: EventOf<'compiled'> | undefined;
  readonly programmed: EventOf<'programmed'> | undefined;
  readonly observation: EdgeObservation;
}

const NO_FACTS: EdgeFacts = { compiled: undefined, programmed: undefined, observation: NOTHING_OBSERVED };

/** Collects what the agent reports, and tells of which resources it says something new. */
export class StatusFacts {
  readonly #edges = new Map<ResourceId, EdgeFacts>();
  #living: ReadonlySet<ResourceId> | undefined;
  #unattached: ReadonlyMap<ResourceKey, number> = new Map();
  #problems: ReadonlyMap<ResourceKey, readonly string[]> = new Map();

  /** Whether every EdgeGateway has been compiled: before that a status would leave one out. */
  get isComplete(): boolean {
    if (!this.#living) return false;
    return [...this.#living].every((edge) => this.#edges.get(edge)?.compiled !== undefined);
  }

  /** Takes an event in, and returns the resources of which it says something new. */
  take(event: AgentEvent): Iterable<ResourceKey> {
    switch (event.type) {
      case 'edges':
        return this.#takeEdges(event);
      case 'compiled':
        return this.#takeCompiled(event);
      case 'programmed':
        return this.#takeProgrammed(event);
      case 'observed':
        this.#edges.set(event.edge, { ...this.#of(event.edge), observation: event.observation });
        return [gatewayKey(event.edge)];
      case 'problems':
        return this.#takeProblems(event);
      case 'evicted':
        this.#edges.delete(event.edge);
        return [];
      case 'no-edge':
      case 'published':
      case 'held':
      case 'shrunk':
      case 'released':
      case 'unchanged':
      case 'served':
      case 'failed':
        return [];
    }
  }

  about(key: ResourceKey): ResourceWord {
    const opinions = [...this.#edges].flatMap(([edge, facts]) => {
      // What leaves has nothing to say of others any more.
      if (!this.#living?.has(edge) && key !== gatewayKey(edge)) return [];
      const opinion = opinionOf(key, edge, facts);
      return opinion ? [opinion] : [];
    });
    return {
      opinions: opinions.sort((a, b) => (a.edge < b.edge ? -1 : 1)),
      problems: this.#problems.get(key) ?? [],
      hasEdges: (this.#living?.size ?? 0) > 0,
    };
  }

  /** The generation of a resource while there is no EdgeGateway. */
  unattached(key: ResourceKey): number | undefined {
    return this.#unattached.get(key);
  }

  edge(edge: ResourceId): EdgeWordOfItself {
    const { observation, compiled } = this.#of(edge);
    return { observation, attached: compiled?.counts, discovered: compiled?.discovered ?? [] };
  }

  /** The inference services behind a model, each once, as any edge has them. */
  services(model: ResourceKey): readonly RoutedService[] {
    const services = [...this.#edges.values()].flatMap(({ compiled }) => compiled?.services.get(model) ?? []);
    return [...new Map(services.map((service) => [service.service, service])).values()];
  }

  /** Everything that an edge has something to say of. */
  keysOf(edge: ResourceId): Iterable<ResourceKey> {
    return this.#of(edge).compiled?.conditions.keys() ?? [];
  }

  #of(edge: ResourceId): EdgeFacts {
    return this.#edges.get(edge) ?? NO_FACTS;
  }

  #takeEdges({ edges, unattached }: EventOf<'edges'>): ReadonlySet<ResourceKey> {
    const touched = new Set<ResourceKey>([...unattached.keys(), ...this.#unattached.keys()]);
    for (const edge of this.#living ?? []) if (!edges.has(edge)) for (const key of this.keysOf(edge)) touched.add(key);
    this.#living = edges;
    this.#unattached = unattached;
    return touched;
  }

  #takeCompiled(event: EventOf<'compiled'>): ReadonlySet<ResourceKey> {
    const before = this.#of(event.edge);
    this.#edges.set(event.edge, { ...before, compiled: event });
    const touched = changedKeys(before.compiled?.conditions, event.conditions, (a, b) => a === b);
    addAll(
      touched,
      changedKeys(before.compiled?.services, event.services, (a, b) => a === b),
    );
    addAll(
      touched,
      changedKeys(before.compiled?.generations, event.generations, (a, b) => a === b),
    );
    touched.add(gatewayKey(event.edge));
    return touched;
  }

  #takeProgrammed(event: EventOf<'programmed'>): ReadonlySet<ResourceKey> {
    const before = this.#of(event.edge);
    this.#edges.set(event.edge, { ...before, programmed: event });
    const touched = changedKeys(before.programmed?.conditions, event.conditions, isSameCondition);
    addAll(
      touched,
      changedKeys(before.programmed?.generations, event.generations, (a, b) => a === b),
    );
    return touched;
  }

  #takeProblems({ problems }: EventOf<'problems'>): ReadonlySet<ResourceKey> {
    const next = new Map<ResourceKey, string[]>();
    for (const { severity, resource, sentence } of problems)
      if (severity === 'error' && resource !== undefined) next.set(resource, [...(next.get(resource) ?? []), sentence]);
    const touched = changedKeys(this.#problems, next, (a, b) => a.join('\n') === b.join('\n'));
    this.#problems = next;
    return touched;
  }
}

function opinionOf(key: ResourceKey, edge: ResourceId, { compiled, programmed }: EdgeFacts): EdgeOpinion | undefined {
  const conditions = compiled?.conditions.get(key);
  if (!conditions) return undefined;
  return {
    edge,
    conditions,
    generation: compiled?.generations.get(key),
    programmed: programmed?.conditions.get(key),
    programmedGeneration: programmed?.generations.get(key),
  };
}

function changedKeys<T>(
  before: ReadonlyMap<ResourceKey, T> | undefined,
  after: ReadonlyMap<ResourceKey, T>,
  isSame: (a: T, b: T) => boolean,
): Set<ResourceKey> {
  const changed = new Set<ResourceKey>();
  if (before === after) return changed;
  for (const [key, value] of after) {
    const old = before?.get(key);
    if (old === undefined || !isSame(old, value)) changed.add(key);
  }
  for (const key of before?.keys() ?? []) if (!after.has(key)) changed.add(key);
  return changed;
}

function addAll(keys: Set<ResourceKey>, more: Iterable<ResourceKey>): void {
  for (const key of more) keys.add(key);
}

function isSameCondition(a: Condition, b: Condition): boolean {
  return a.status === b.status && a.reason === b.reason && a.message === b.message;
}

export function gatewayKey(edge: ResourceId): ResourceKey {
  return `EdgeGateway/${edge}`;
}
