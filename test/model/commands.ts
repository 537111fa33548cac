import { attack, type Attack } from './attacks.ts';
import type { EdgeWorld, Memory } from './edge-world.ts';
import type { KvCondition } from './lagging-kv.ts';
import type { ClusterName } from './model-clusters.ts';
import { TABLES } from './model-tables.ts';
import type { Mishap } from './network.ts';
import { PLACES, type Place } from './place.ts';
import { quiet } from './quiet.ts';
import { callIsolate } from './requests.ts';

/** What may happen, as data: a run is a list of these, and so is its counterexample. */
export type Command =
  | { readonly do: 'publish'; readonly cluster: ClusterName; readonly agent: number; readonly table: number }
  | { readonly do: 'publish in a row'; readonly cluster: ClusterName; readonly from: number; readonly times: number }
  | { readonly do: 'evict'; readonly cluster: ClusterName }
  | {
      readonly do: 'start agent';
      readonly cluster: ClusterName;
      readonly agent: number;
      readonly memory: Memory;
      readonly through: 'edge' | 'inbox';
    }
  | { readonly do: 'kill agent'; readonly cluster: ClusterName; readonly agent: number }
  | { readonly do: 'agent looks'; readonly cluster: ClusterName; readonly agent: number }
  | { readonly do: 'agents meet'; readonly mishaps: readonly Mishap[] }
  | { readonly do: 'cut agents'; readonly how: false | 'refused' | 'hanging' }
  | { readonly do: 'birth'; readonly place: Place }
  | { readonly do: 'kill isolate'; readonly which: number }
  | {
      readonly do: 'request';
      readonly which: number;
      readonly cluster: ClusterName;
      readonly key: number;
      readonly leavesAfterMs?: number | undefined;
    }
  | { readonly do: 'isolates meet'; readonly place: Place; readonly mishaps: readonly Mishap[] }
  | { readonly do: 'cut place'; readonly place: Place; readonly how: false | 'refused' | 'hanging' }
  | { readonly do: 'cut hub'; readonly how: false | 'refused' | 'hanging' }
  /** From there questions reach the hub, and neither it nor KV gives blobs. */
  | { readonly do: 'starve place'; readonly place: Place; readonly on: boolean }
  | { readonly do: 'restart hub' }
  | { readonly do: 'wipe hub' }
  | { readonly do: 'kv'; readonly condition: KvCondition }
  | { readonly do: 'forget cache'; readonly place: Place }
  | { readonly do: 'attack'; readonly cluster: ClusterName; readonly what: Attack; readonly which: number }
  | { readonly do: 'rotate keys'; readonly cluster: ClusterName }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'quiet' };

/** A command, and how much time passes before the next: what it started may be under way still. */
export interface Step {
  readonly command: Command;
  readonly thenMs: number;
}

/** Starts what the command says; all but `quiet` and `publish in a row` do not wait for its end. */
export async function carryOut(world: EdgeWorld, command: Command): Promise<void> {
  switch (command.do) {
    case 'publish':
      started(world, world.bring(world.agent(command.cluster, command.agent), command.table));
      break;
    case 'publish in a row':
      for (let i = 0; i < command.times; i++) {
        started(world, world.bring(world.agent(command.cluster, 0), (command.from + i) % TABLES));
        await world.pass(6_000);
      }
      break;
    case 'evict':
      started(world, world.bring(world.agent(command.cluster, 0), 'nothing'));
      break;
    case 'start agent':
      world.startAgent(command.cluster, command.agent, command.memory, command.through);
      break;
    case 'kill agent':
      world.clusters[command.cluster].agents.get(command.agent)?.kill();
      break;
    case 'agent looks':
      world.agent(command.cluster, command.agent).forget();
      break;
    case 'agents meet':
      world.toEdge.expect(command.mishaps);
      break;
    case 'cut agents':
      world.toEdge.cut = command.how;
      break;
    case 'rotate keys':
      rotate(world, command.cluster);
      break;
    case 'attack':
      await attack(world, command.cluster, command.what, command.which);
      break;
    case 'quiet':
      await quiet(world);
      break;
    case 'wait':
      await world.pass(command.ms);
      break;
    case 'birth':
    case 'kill isolate':
    case 'request':
    case 'isolates meet':
    case 'cut place':
    case 'cut hub':
    case 'starve place':
    case 'restart hub':
    case 'wipe hub':
    case 'kv':
    case 'forget cache':
      atTheEdge(world, command);
      break;
  }
}

type AtTheEdge = Extract<
  Command,
  {
    do:
      | 'birth'
      | 'kill isolate'
      | 'request'
      | 'isolates meet'
      | 'cut place'
      | 'cut hub'
      | 'starve place'
      | 'restart hub'
      | 'wipe hub'
      | 'kv'
      | 'forget cache';
  }
>;

function atTheEdge(world: EdgeWorld, command: AtTheEdge): void {
  const isolate = (which: number) => world.isolates[which % Math.max(1, world.isolates.length)];
  switch (command.do) {
    case 'birth':
      started(world, callIsolate(world, world.birth(command.place), { cluster: 'alpha', key: 1 }));
      break;
    case 'kill isolate': {
      const found = isolate(command.which);
      if (found) world.kill(found);
      break;
    }
    case 'request':
      started(world, callIsolate(world, isolate(command.which) ?? world.birth('ams'), command));
      break;
    case 'isolates meet':
      world.toHub[command.place].expect(command.mishaps);
      break;
    case 'cut place':
      world.toHub[command.place].cut = command.how;
      break;
    case 'cut hub':
      for (const place of PLACES) world.toHub[place].cut = command.how;
      break;
    case 'starve place':
      world.toHub[command.place].isNarrow = command.on;
      if (command.on) world.kv.failingAt.add(command.place);
      else world.kv.failingAt.delete(command.place);
      break;
    case 'restart hub':
      world.hub.restart();
      break;
    case 'wipe hub':
      world.hub.wipe();
      world.ledger.wiped();
      break;
    case 'kv':
      world.kv.condition = command.condition;
      break;
    case 'forget cache':
      world.caches[command.place].forget();
      break;
  }
}

/** The next step of a rotation, in the order of `fairlead keys rotate`, once the step before has taken effect. */
function rotate(world: EdgeWorld, cluster: ClusterName): void {
  const affairs = world.clusters[cluster];
  const [turn = 0, next] = affairs.turns;
  if (next === undefined) {
    affairs.turns = [turn, turn + 1];
    world.deploy();
  } else if (affairs.signs === turn) {
    affairs.signs = next;
    for (const agent of affairs.agents.values()) agent.kill();
  } else {
    const newest = world.ledger.of(cluster).kept[0];
    if (newest && newest.signedBy !== `key-${next % 3}`) return;
    affairs.turns = [next];
    world.deploy();
  }
}

function started(world: EdgeWorld, work: Promise<unknown>): void {
  work.catch((error: unknown) => {
    world.broken(`a fault of the run: ${error instanceof Error ? error.stack : String(error)}`);
  });
}
