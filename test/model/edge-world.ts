import type { Generation } from '../../contract/routing-table.ts';
import { pointerKey } from '../../contract/storage-keys.ts';
import { silentLogger } from '../../sync-agent/log.ts';
import type { TableSettings } from '../../worker/table/table-settings.ts';
import { AgentProcess, type Outcome } from './agent-process.ts';
import { BrokenLaw } from './broken-law.ts';
import { Chance } from './chance.ts';
import { linkToHub } from './hub-link.ts';
import { HubProcess } from './hub-process.ts';
import { Isolate } from './isolate.ts';
import { kvInboxStore } from './kv-inbox-store.ts';
import { LaggingKv } from './lagging-kv.ts';
import { Ledger } from './ledger.ts';
import { LocationCache } from './location-cache.ts';
import { CLUSTERS, EDGE, keyInTurn, trustIn, type ClusterName } from './model-clusters.ts';
import { modelTable } from './model-tables.ts';
import { Network } from './network.ts';
import { PLACES, type Place } from './place.ts';
import { VirtualClock } from './virtual-clock.ts';

/** What an agent remembers of the generation when it starts: what the EdgeGateway's status says, or a backup of it. */
export type Memory = 'latest' | 'older' | 'none';

/** What is known of a cluster outside of the edge. */
export interface ClusterAffairs {
  /** The number of the table that its people want at the edge; undefined: nothing was ever wanted. */
  wanted: number | 'nothing' | undefined;
  /** Generations that the EdgeGateway's status has said, one after the other. */
  readonly status: Generation[];
  /** Turns of the keys that the edge is configured with. */
  turns: readonly number[];
  /** The turn of the key that its agents sign with. */
  signs: number;
  /** Agents by their number: two at most, though one is enough. */
  readonly agents: Map<number, AgentProcess>;
}

const START = Date.parse('2026-11-01T00:00:00Z');
const HUB_LATENCY_MS = 40;
const AGENT_LATENCY_MS = 120;

/** Everything that a run consists of: one edge in three places, two clusters, and the ways between them. */
export class EdgeWorld {
  readonly clock = new VirtualClock(START);
  readonly chance: Chance;
  readonly kv: LaggingKv;
  readonly hub: HubProcess;
  readonly ledger: Ledger;
  readonly isolates: Isolate[] = [];
  readonly caches: Readonly<Record<Place, LocationCache>>;
  readonly toHub: Readonly<Record<Place, Network>>;
  readonly toEdge: Network;
  readonly clusters: Readonly<Record<ClusterName, ClusterAffairs>> = { alpha: newcomer(), beta: newcomer() };
  /** Keys of KV that somebody else wrote, each with the number of admissions until then. */
  readonly attacked = new Map<string, number>();
  /** What happened, line by line, for whoever looks into a failure. */
  readonly story: string[] = [];
  settings: TableSettings;
  /** The run came to its end, and no law was broken. */
  ended = false;
  #brokenLaw: BrokenLaw | undefined;
  #born = 0;

  constructor(seed: number) {
    const { clock } = this;
    const chance = new Chance(seed);
    this.chance = chance;
    this.kv = new LaggingKv(clock, chance);
    this.settings = this.#configured();
    this.ledger = new Ledger(clock.now, this.broken);
    this.hub = new HubProcess({
      clock,
      chance,
      kv: this.kv,
      settings: () => this.settings,
      admits: (jws) => this.ledger.admits(jws),
      log: this.tell,
    });
    const each = <T>(make: () => T) => ({ ams: make(), fra: make(), sin: make() });
    this.caches = each(() => new LocationCache(clock, chance));
    this.toHub = each(() => new Network(clock, chance, HUB_LATENCY_MS));
    this.toEdge = new Network(clock, chance, AGENT_LATENCY_MS);
  }

  readonly tell = (line: string): void => {
    this.story.push(`${((this.clock.now() - START) / 1000).toFixed(3)} ${line}`);
  };

  readonly broken = (how: string): void => {
    this.tell(`BROKEN: ${how}`);
    this.#brokenLaw ??= new BrokenLaw(how);
  };

  /** @throws {BrokenLaw} the first that was found since the run began */
  throwIfBroken(): void {
    if (this.#brokenLaw) throw this.#brokenLaw;
  }

  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms);
    for (const isolate of this.isolates) isolate.check();
  }

  birth(place: Place): Isolate {
    const name = `isolate-${++this.#born}-${place}`;
    const { clock, ledger, hub, broken } = this;
    const isolate = new Isolate({
      name,
      place,
      settings: this.settings,
      clock,
      hub: (told) =>
        linkToHub({ hub, network: this.toHub[place], ledger, told, inKv: (name) => this.#inKv(name), now: clock.now }),
      kv: this.kv.at(place),
      cache: this.caches[place],
      log: (level, message, fields) => this.tell(`${name} ${level}: ${message} ${JSON.stringify(fields)}`),
      broken,
    });
    this.isolates.push(isolate);
    return isolate;
  }

  kill(isolate: Isolate): void {
    isolate.check();
    isolate.kill();
    this.isolates.splice(this.isolates.indexOf(isolate), 1);
  }

  startAgent(cluster: ClusterName, number: number, memory: Memory, through: 'edge' | 'inbox' = 'edge'): AgentProcess {
    const affairs = this.clusters[cluster];
    affairs.agents.get(number)?.kill();
    const agent = new AgentProcess({
      cluster,
      key: keyInTurn(cluster, affairs.signs),
      floor: remembered(affairs.status, memory),
      clock: this.clock,
      random: this.chance.random,
      fetch: this.#fetchEdge,
      ...(through === 'inbox' && { inbox: kvInboxStore(this.kv) }),
      logger: silentLogger,
    });
    affairs.agents.set(number, agent);
    return agent;
  }

  /** An agent of this number, started where none lives. */
  agent(cluster: ClusterName, number: number): AgentProcess {
    const living = this.clusters[cluster].agents.get(number);
    return living && !living.dead ? living : this.startAgent(cluster, number, 'latest');
  }

  /** What the cluster's people want is brought to the edge; what becomes of it stands in the story. */
  async bring(agent: AgentProcess, what: number | 'nothing'): Promise<Outcome> {
    const affairs = this.clusters[agent.cluster];
    affairs.wanted = what;
    const outcome = await (what === 'nothing' ? agent.evict() : agent.bring(modelTable(agent.cluster, what)));
    if (outcome === 'published' && agent.published) affairs.status.push(agent.published);
    this.tell(`agent of ${agent.cluster}, table ${what}: ${outcome instanceof Error ? outcome.message : outcome}`);
    return outcome;
  }

  /** The worker is deployed with other keys: the hub begins anew, and older isolates end what they do and get no more. */
  deploy(): void {
    this.settings = this.#configured();
    this.hub.restart();
    this.isolates.length = 0;
  }

  /** What KV shows everywhere, where the edge can believe it. */
  #inKv(cluster: string): Generation | null {
    const shown = this.kv.showable(pointerKey(cluster));
    const [bytes] = shown;
    if (!bytes || shown.length > 1 || this.kv.wasTroubledSince(this.clock.now())) return null;
    const jws = new TextDecoder().decode(bytes);
    const admitted = this.ledger.history.find((one) => one.jws === jws);
    const trusted = this.settings.clusters.find(({ trust }) => trust.name === cluster);
    const isBelieved = admitted?.pointer.cluster === cluster && trusted?.findKey(admitted.signedBy);
    return isBelieved ? admitted.pointer.generation : null;
  }

  #configured(): TableSettings {
    return {
      edge: EDGE,
      clusters: CLUSTERS.map((cluster) => trustIn(cluster, this.clusters[cluster].turns)),
      local: false,
    };
  }

  readonly #fetchEdge: typeof fetch = (input, init) => {
    const request = new Request(input, init);
    const answer = this.toEdge.call(async () => {
      const place = this.chance.pick(PLACES) ?? 'ams';
      const near = this.isolates.filter((isolate) => isolate.place === place);
      return (this.chance.pick(near) ?? this.birth(place)).fetch(request.clone());
    });
    const signal = init?.signal;
    if (!signal) return answer;
    return new Promise((resolve, reject) => {
      const abort = () => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
      if (signal.aborted) abort();
      signal.addEventListener('abort', abort, { once: true });
      answer.then(resolve, reject);
    });
  };
}

function newcomer(): ClusterAffairs {
  return { wanted: undefined, status: [], turns: [0], signs: 0, agents: new Map() };
}

function remembered(status: readonly Generation[], memory: Memory): Generation | null {
  switch (memory) {
    case 'latest':
      return status.at(-1) ?? null;
    case 'older':
      return status.at(-3) ?? null;
    case 'none':
      return null;
  }
}
