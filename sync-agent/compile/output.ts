import { isDeepStrictEqual } from 'node:util';
import type { ResourceKey } from '../snapshot.ts';
import type { Compilation, Condition, EntryRef, PublishTarget, SecretToSeal, UsableProvider } from './compilation.ts';
import { conditionsOf } from './conditions.ts';
import type { Engine } from './engine.ts';
import type { Facts, PlacedKind } from './facts.ts';
import { Section, type RenderedEntry } from './section.ts';

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
      sightings: new Map(),
      services: new Map(),
      counts: { ...this.#counts },
    };
  }

  #setEntries(key: ResourceKey, entries: readonly EntryRef[]): void {
    const [before] = this.#entries.get(key) ?? [];
    const [after] = entries;
    if (before) this.#counts[countedAs(before)] -= 1;
    if (after) this.#counts[countedAs(after)] += 1;
    this.#entries.set(key, after && entries);
  }
}

/** A provider's own entry stands before those of its secrets. */
function countedAs({ section }: EntryRef): PlacedKind {
  return section === 'secrets' ? 'providers' : section;
}

/** The section of keys changes with the digests only, not with what is known of a consumer. */
function keyOnly({ id }: RenderedEntry): RenderedEntry {
  return { id, json: '' };
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
