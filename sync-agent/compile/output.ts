import { isDeepStrictEqual } from 'node:util';
import type { ResourceKey } from '../snapshot.ts';
import type { SightingWanted } from '../inference/sighting.ts';
import type {
  Compilation,
  Condition,
  DiscoveredModel,
  EntryRef,
  PublishTarget,
  RoutedService,
  SecretToSeal,
  UsableProvider,
} from './compilation.ts';
import { conditionsOf } from './conditions.ts';
import type { Engine } from './engine.ts';
import type { Facts, PlacedKind } from './facts.ts';
import { servicesBehind } from './routed-services.ts';
import { Section, type RenderedEntry } from './section.ts';
import { wantedSighting } from './standing.ts';

/** Collects what the rules say should leave the compiler, and hands it out whole. */
export class Output {
  readonly #sections = {
    routes: new Section('routes'),
    models: new Section('models'),
    providers: new Section('providers'),
    consumers: new Section('consumers'),
    keys: new Section('keys'),
  };
  readonly #conditions = new KeptMap<readonly Condition[]>();
  readonly #entries = new KeptMap<readonly EntryRef[]>();
  readonly #secrets = new KeptMap<SecretToSeal>();
  readonly #usableProviders = new KeptMap<UsableProvider>();
  readonly #sightings = new KeptMap<SightingWanted>();
  readonly #services = new KeptMap<readonly RoutedService[]>();
  #discovered: readonly DiscoveredModel[] = [];
  readonly #counts = { routes: 0, models: 0, providers: 0, consumers: 0 };
  #target: PublishTarget | undefined;

  constructor(engine: Engine, facts: Facts) {
    for (const kind of ['routes', 'models', 'providers', 'consumers'] as const)
      engine.sink(facts.shippedLeaves[kind], (leaf, entries) => {
        this.#sections[kind].setLeaf(Number(leaf), entries);
        if (kind === 'consumers') this.#sections.keys.setLeaf(Number(leaf), entries.map(keyOnly));
      });
    engine.sink(facts.concerned, (key, [concerned], step) => {
      const isSaid = concerned && step.first(facts.presence, '') !== undefined;
      const entries = isSaid ? step.read(facts.shippedEntries, key) : [];
      this.#setEntries(key, entries);
      this.#conditions.set(key, isSaid ? conditionsOf(key, step.read(facts.problems, key), entries) : undefined);
    });
    engine.sink(facts.shippedSecrets, (id, [secret]) => this.#secrets.set(id, secret));
    engine.sink(facts.usableProviders, (id, [provider]) => this.#usableProviders.set(id, provider));
    engine.sink(facts.routedServices, (id, [routed], step) =>
      this.#sightings.set(id, routed && wantedSighting(id, step, facts)),
    );
    engine.sink(facts.behind, (key, used, step) => this.#services.set(key, servicesBehind(key, used, step, facts)));
    engine.sink(facts.discovered, (_, discovered) => (this.#discovered = sortedModels(discovered)));
    engine.sink(facts.target, (_, [target]) => (this.#target = target));
  }

  compilation(): Compilation {
    const { routes, models, providers, consumers, keys } = this.#sections;
    return {
      target: this.#target,
      sections: {
        routes: routes.blobs(),
        models: models.blobs(),
        providers: providers.blobs(),
        consumers: consumers.blobs(),
        keys: keys.blobs(),
      },
      secrets: [...this.#secrets.current().values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
      conditions: this.#conditions.current(),
      entries: this.#entries.current(),
      usableProviders: this.#usableProviders.current(),
      sightings: this.#sightings.current(),
      services: this.#services.current(),
      discovered: this.#discovered,
      counts: { ...this.#counts },
    };
  }

  #setEntries(key: ResourceKey, entries: readonly EntryRef[]): void {
    const counted = COUNTED[key.slice(0, key.indexOf('/'))];
    const shipped = Number(entries.length > 0) - Number(this.#entries.get(key) !== undefined);
    if (counted) this.#counts[counted] += shipped;
    this.#entries.set(key, entries.length > 0 ? entries : undefined);
  }
}

/** What is counted of which kind; what an EdgeGateway discovers is no resource. */
const COUNTED: Readonly<Record<string, PlacedKind>> = {
  GatewayRoute: 'routes',
  AIModel: 'models',
  LLMProvider: 'providers',
  Consumer: 'consumers',
};

/** The section of keys changes with the digests only, not with what is known of a consumer. */
function keyOnly({ id }: RenderedEntry): RenderedEntry {
  return { id, json: '' };
}

/** As many as the status of an EdgeGateway lists. */
const MOST_DISCOVERED = 256;

function sortedModels(models: readonly DiscoveredModel[]): readonly DiscoveredModel[] {
  const order = ({ kind, namespace, name, modelName }: DiscoveredModel) => [kind, namespace, name, modelName].join(' ');
  return models.toSorted((a, b) => (order(a) < order(b) ? -1 : 1)).slice(0, MOST_DISCOVERED);
}

/** A map that is handed out as it was when it was asked for, and copied only after a change. */
class KeptMap<T> {
  readonly #live = new Map<string, T>();
  #handedOut: ReadonlyMap<string, T> | undefined;

  get(key: string): T | undefined {
    return this.#live.get(key);
  }

  set(key: string, value: T | undefined): void {
    if (isDeepStrictEqual(value, this.#live.get(key))) return;
    if (value === undefined) this.#live.delete(key);
    else this.#live.set(key, value);
    this.#handedOut = undefined;
  }

  current(): ReadonlyMap<string, T> {
    return (this.#handedOut ??= new Map(this.#live));
  }
}
