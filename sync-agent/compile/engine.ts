import { isDeepStrictEqual } from 'node:util';

/**
 * An incremental evaluator of rules over facts; it knows nothing of what they are about.
 *
 * A channel holds facts under keys. A rule is bound to a channel and runs once for each key that has facts there: it
 * may read facts of other channels and emits facts into later ones. All that it read is remembered, so every reverse
 * index exists by construction: who reads a key of a channel runs again when, and only when, the facts there change.
 * Rules run in the order in which they were added, and may read only what earlier ones emit; that is why each runs at
 * most once a sweep, and why the result depends on the facts alone, not on the order in which they came.
 */
export class Channel<T> {
  readonly name: string;
  readonly slots = new Map<string, Slot<T>>();
  readonly rules: BoundRule<T>[] = [];

  constructor(name: string) {
    this.name = name;
  }
}

/** What a rule may do while it runs. */
export interface Step {
  /** The facts under a key, in an order that follows from who emitted them. */
  read<T>(channel: Channel<T>, key: string): T[];
  /** The first of them. */
  first<T>(channel: Channel<T>, key: string): T | undefined;
  emit<T>(channel: Channel<T>, key: string, value: T): void;
}

export type Rule<T> = (key: string, facts: readonly T[], step: Step) => void;

/** Methods, not functions, so that the engine can hold channels of all types in one list (they vary with T). */
interface BoundRule<T> {
  readonly rank: number;
  evaluate(key: string, facts: readonly T[], step: Step): void;
  /** A key's facts are gone; what the rule had emitted for it goes by itself. */
  gone?(key: string): void;
}

/**
 * None, one or several. There are very many of these, nearly all of at most one, and a list for each would be a good
 * part of the engine's memory.
 */
type Few<T extends object> = undefined | T | readonly T[];

const NONE: readonly never[] = [];

function listOf<T extends object>(few: Few<T>): readonly T[] {
  if (few === undefined) return NONE;
  return isList(few) ? few : [few];
}

function isList<T extends object>(few: T | readonly T[]): few is readonly T[] {
  return Array.isArray(few);
}

/** Takes a copy, of exactly the size that it needs. */
function fewOf<T extends object>(list: readonly T[]): Few<T> {
  return list.length > 1 ? list.slice() : list[0];
}

/** The facts under one key of a channel, and who depends on them. */
class Slot<T> {
  readonly channel: Channel<T>;
  readonly key: string;
  facts: Few<Fact<T>>;
  sorted = true;
  nodes: Few<Node>;
  /** Not a list, because some slots are read by all nodes of a rule. */
  readers: Node | Set<Node> | undefined;

  constructor(channel: Channel<T>, key: string) {
    this.channel = channel;
    this.key = key;
  }
}

interface Fact<T> {
  readonly slot: Slot<T>;
  readonly from: Node;
  readonly value: T;
}

/** One rule at one key. */
class Node {
  readonly rule: BoundRule<unknown>;
  readonly slot: Slot<unknown>;
  reads: Few<Slot<unknown>>;
  emitted: Few<Fact<unknown>>;

  constructor(rule: BoundRule<unknown>, slot: Slot<unknown>) {
    this.rule = rule;
    this.slot = slot;
  }
}

export class Engine {
  readonly #dirty: Set<Node>[] = [];
  /** Where facts from outside come from. */
  readonly #outside = new Node({ rank: -1, evaluate() {} }, new Slot<unknown>(new Channel('outside'), ''));
  #running: Node = this.#outside;
  readonly #reads: Slot<unknown>[] = [];
  readonly #emitted: Fact<unknown>[] = [];
  readonly #step: Step = {
    read: (channel, key) => valuesOf(this.#read(channel, key)),
    first: (channel, key) => sortedFacts(this.#read(channel, key))[0]?.value,
    emit: (channel, key, value) => {
      this.#emitted.push({ slot: slotOf(channel, key), from: this.#running, value });
    },
  };

  /** Adds a rule after all others. */
  rule<T>(over: Channel<T>, evaluate: Rule<T>): void {
    this.#add(over, { rank: this.#dirty.length, evaluate });
  }

  /** A rule that keeps something outside up to date, and is told as well, once, when a key has no facts any more. */
  sink<T>(over: Channel<T>, write: Rule<T>): void {
    this.#add(over, { rank: this.#dirty.length, evaluate: write, gone: (key) => write(key, [], this.#step) });
  }

  #add<T>(over: Channel<T>, rule: BoundRule<T>): void {
    over.rules.push(rule);
    this.#dirty.push(new Set());
  }

  /** Sets or removes a fact from outside. Nothing runs before `sweep`. */
  set<T>(channel: Channel<T>, key: string, value: T | undefined): void {
    const slot = slotOf(channel, key);
    if (value === undefined && slot.facts === undefined) return discardIfUnused(slot);
    slot.facts = value === undefined ? undefined : { slot, from: this.#outside, value };
    this.#touch(slot);
  }

  /** Runs every rule that the changes since the last sweep concern. */
  sweep(): void {
    for (const dirty of this.#dirty) {
      for (const node of dirty) this.#run(node);
      dirty.clear();
    }
    this.#running = this.#outside;
  }

  #run(node: Node): void {
    const { rule, slot } = node;
    this.#running = node;
    this.#reads.length = 0;
    this.#emitted.length = 0;
    if (slot.facts !== undefined) {
      rule.evaluate(slot.key, valuesOf(slot), this.#step);
    } else {
      rule.gone?.(slot.key);
      slot.nodes = fewOf(listOf(slot.nodes).filter((other) => other !== node));
      discardIfUnused(slot);
    }
    this.#follow(node, this.#reads);
    this.#replace(node, this.#emitted);
  }

  #read<T>(channel: Channel<T>, key: string): Slot<T> {
    const slot = slotOf(channel, key);
    if (!this.#reads.includes(slot)) this.#reads.push(slot);
    return slot;
  }

  /** Makes a node a reader of what it has just read. Mostly that is what it read before. */
  #follow(node: Node, after: readonly Slot<unknown>[]): void {
    const before = listOf(node.reads);
    if (before.length === after.length && before.every((slot, i) => slot === after[i])) return;
    for (const slot of before) removeReader(slot, node);
    for (const slot of after) addReader(slot, node);
    for (const slot of before) discardIfUnused(slot);
    node.reads = fewOf(after);
  }

  /** Puts what a node emits now in place of what it emitted before, and touches only the keys where that differs. */
  #replace(node: Node, after: readonly Fact<unknown>[]): void {
    const before = listOf(node.emitted);
    if (before.length === 0) {
      for (const fact of after) {
        add(fact.slot, [fact]);
        this.#touch(fact.slot);
      }
      node.emitted = fewOf(after);
      return;
    }
    if (before.length === after.length && before.every((fact, i) => sameFact(fact, after[i]))) return;
    const old = factsBySlot(before);
    const fresh = factsBySlot(after);
    const kept: Fact<unknown>[] = [];
    for (const [slot, facts] of fresh) {
      const previous = old.get(slot) ?? [];
      old.delete(slot);
      if (previous.length === facts.length && facts.every((fact, i) => sameFact(fact, previous[i]))) {
        kept.push(...previous);
        continue;
      }
      withdraw(slot, previous);
      add(slot, facts);
      kept.push(...facts);
      this.#touch(slot);
    }
    for (const [slot, facts] of old) {
      withdraw(slot, facts);
      this.#touch(slot);
    }
    node.emitted = fewOf(kept);
  }

  #touch<T>(slot: Slot<T>): void {
    if (slot.nodes === undefined && slot.facts !== undefined)
      slot.nodes = fewOf(slot.channel.rules.map((rule) => new Node(rule, slot)));
    for (const node of listOf(slot.nodes)) this.#mark(node, slot);
    if (slot.readers instanceof Node) this.#mark(slot.readers, slot);
    else if (slot.readers) for (const node of slot.readers) this.#mark(node, slot);
    discardIfUnused(slot);
  }

  #mark(node: Node, slot: Slot<unknown>): void {
    const { rank } = this.#running.rule;
    if (node.rule.rank <= rank)
      throw new Error(`rule ${node.rule.rank} reads ${slot.channel.name}, which rule ${rank} emits after it`);
    this.#dirty[node.rule.rank]?.add(node);
  }
}

function slotOf<T>(channel: Channel<T>, key: string): Slot<T> {
  let slot = channel.slots.get(key);
  if (!slot) channel.slots.set(key, (slot = new Slot(channel, key)));
  return slot;
}

function discardIfUnused(slot: Slot<unknown>): void {
  if (slot.facts === undefined && slot.nodes === undefined && slot.readers === undefined)
    slot.channel.slots.delete(slot.key);
}

function addReader(slot: Slot<unknown>, node: Node): void {
  const { readers } = slot;
  if (readers === undefined) slot.readers = node;
  else if (readers instanceof Set) readers.add(node);
  else if (readers !== node) slot.readers = new Set([readers, node]);
}

function removeReader(slot: Slot<unknown>, node: Node): void {
  const { readers } = slot;
  if (readers instanceof Set) readers.delete(node);
  if (readers === node || (readers instanceof Set && readers.size === 0)) slot.readers = undefined;
}

function valuesOf<T>(slot: Slot<T>): T[] {
  return sortedFacts(slot).map((fact) => fact.value);
}

function sortedFacts<T>(slot: Slot<T>): readonly Fact<T>[] {
  if (!slot.sorted) slot.facts = listOf(slot.facts).toSorted((a, b) => compareNodes(a.from, b.from));
  slot.sorted = true;
  return listOf(slot.facts);
}

/** Sorting is stable, so several facts of one node stay in the order in which it emitted them. */
function compareNodes(a: Node, b: Node): number {
  return a.rule.rank - b.rule.rank || (a.slot.key < b.slot.key ? -1 : a.slot.key > b.slot.key ? 1 : 0);
}

function add<T>(slot: Slot<T>, facts: readonly Fact<T>[]): void {
  const others = listOf(slot.facts);
  slot.facts = others.length === 0 ? fewOf(facts) : [...others, ...facts];
  slot.sorted = others.length === 0;
}

function withdraw<T>(slot: Slot<T>, facts: readonly Fact<T>[]): void {
  if (facts.length === 0) return;
  slot.facts = fewOf(listOf(slot.facts).filter((fact) => fact.from !== facts[0]?.from));
}

function factsBySlot(facts: readonly Fact<unknown>[]): Map<Slot<unknown>, Fact<unknown>[]> {
  const groups = new Map<Slot<unknown>, Fact<unknown>[]>();
  for (const fact of facts) {
    const group = groups.get(fact.slot);
    if (group) group.push(fact);
    else groups.set(fact.slot, [fact]);
  }
  return groups;
}

function sameFact(a: Fact<unknown>, b: Fact<unknown> | undefined): boolean {
  return a.slot === b?.slot && (a.value === b.value || isDeepStrictEqual(a.value, b.value));
}
