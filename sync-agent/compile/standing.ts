import { cutText } from '../cut-text.ts';
import { isServed, type InferenceKind, type InferenceState } from '../inference/inference-service.ts';
import type { EdgeSighting, Sighting, SightingWanted } from '../inference/sighting.ts';
import type { ResourceId } from '../snapshot.ts';
import type { Problem } from './compilation.ts';
import type { Connected } from './connect.ts';
import type { Rule, Step } from './engine.ts';
import type { Facts } from './facts.ts';
import type { Service } from './service.ts';

/** How it stands with a service by one connection. */
export type Standing =
  | {
      readonly type: 'Serving';
      readonly models: readonly string[];
      /** Whether the edge saw these models, or the service's specification gives them. */
      readonly isSeen: boolean;
    }
  /** Something that passes; the models are those that it is known to serve when it does. */
  | { readonly type: 'Waiting'; readonly problem: Problem; readonly models: readonly string[] }
  | { readonly type: 'Faulty'; readonly problems: readonly Problem[] };

type Reachable = Extract<Connected, { readonly type: 'Connected' }>;

/**
 * | the service                    | the edge has seen, at this place | then                                    |
 * |--------------------------------|----------------------------------|-----------------------------------------|
 * | is not served                  | anything                         | it waits, BackendNotReady               |
 * | is served                      | models                           | it serves those                         |
 * | is served                      | nothing, the edge was not asked  | it serves what its specification says   |
 * | is scaled to zero              | nothing, or it was not reached   | it serves what its specification says   |
 * | is served, not scaled to zero  | nothing yet                      | it waits, BackendPending                |
 * | is served, not scaled to zero  | that it is not reached           | it waits, BackendUnreachable            |
 *
 * What was seen at the same place before its specification changed stays in use until the edge has looked again.
 */
export function standingRule(facts: Facts): Rule<Connected> {
  return (id, [connected], step) => {
    const service = connected && step.first(facts.services, connected.service);
    if (!connected || !service) return;
    if (connected.type === 'Faulty')
      return step.emit(facts.standings, id, standingWithoutWay(service, connected.problems));
    const sighting = sightingOf(id, connected, step, facts)?.sighting;
    const standing = standingOf(service, connected, sighting);
    const { entry, secrets } = connected;
    const path = sighting?.type === 'Seen' ? sighting.path : (connected.paths[0] ?? '');
    step.emit(facts.standings, id, standing);
    step.emit(facts.usableProviders, id, {
      entry: { ...entry, baseURL: `${entry.baseURL}${path}`.replace(/\/+$/, '') },
      created: service.created,
      secrets,
    });
  };
}

/** What the edge is to be asked about a service that something leads to, or what it answered and is to be kept. */
export function wantedSighting(id: string, step: Step, facts: Facts): SightingWanted | undefined {
  const connected = step.first(facts.connected, id);
  if (connected?.type !== 'Connected') return undefined;
  const service = step.first(facts.services, connected.service);
  const { digest, entry, secrets, paths } = connected;
  if (service && isServed(service.state) && service.state.phase !== 'ScaledToZero')
    return { id, digest, entry, secrets, paths };
  const known = sightingOf(id, connected, step, facts);
  if (known?.sighting.type !== 'Seen') return undefined;
  return { id, digest: known.digest, entry, secrets, paths, isOnlyKept: true };
}

/** The answer to what is asked now; else an earlier one that is not known to be wrong. */
function sightingOf(id: string, { digest, place }: Reachable, step: Step, facts: Facts): EdgeSighting | undefined {
  const known = step.first(facts.resources.EdgeSighting, id);
  if (!known || known.digest === digest) return known;
  const isElsewhere = !known.digest.startsWith(`${place}-`);
  return isElsewhere || known.sighting.type === 'NotSeen' ? undefined : known;
}

function standingOf(service: Service, { entry }: Reachable, sighting: Sighting | undefined): Standing {
  const { state, modelNames } = service;
  const models = sighting?.type === 'Seen' ? sighting.models : modelNames;
  if (!isServed(state)) return { type: 'Waiting', problem: notReady(service), models };
  if (sighting?.type === 'Seen') return { type: 'Serving', models, isSeen: true };
  if (sighting?.type === 'Unasked' || state.phase === 'ScaledToZero') return { type: 'Serving', models, isSeen: false };
  const problem = sighting
    ? unreachable(service, entry.baseURL, sighting.sentence)
    : notLookedAt(service, entry.baseURL);
  return { type: 'Waiting', problem, models };
}

/** What has not been ready yet, or was stopped, mostly has no URL either: then that is what to say of it. */
function standingWithoutWay(service: Service, problems: readonly Problem[]): Standing {
  const { state, origin, modelNames } = service;
  if (isServed(state) || origin !== undefined) return { type: 'Faulty', problems };
  return { type: 'Waiting', problem: notReady(service), models: modelNames };
}

function notReady({ kind, id, namespace, name, state }: Service): Problem {
  const own = state.message === '' ? '' : ` It says: ${shortened(state.message)}.`;
  return {
    type: 'ResolvedRefs',
    reason: 'BackendNotReady',
    message:
      `${kind} ${id} ${notServed(state.phase)}, so that nothing is sent to it.${own} ` +
      `See: kubectl describe ${kind.toLowerCase()}s -n ${namespace} ${name}`,
  };
}

/** Those that are served stand for the sake of completeness. */
function notServed(phase: InferenceState['phase']): string {
  switch (phase) {
    case 'Pending':
      return 'has not been ready yet';
    case 'Unavailable':
      return 'has no ready endpoint';
    case 'Stopped':
      return 'was stopped by its owner';
    case 'Failed':
      return 'has failed';
    case 'Ready':
    case 'Degraded':
    case 'ScaledToZero':
      return `is ${phase}`;
  }
}

function notLookedAt({ kind, id }: Service, baseURL: string): Problem {
  return {
    type: 'ResolvedRefs',
    reason: 'BackendPending',
    message: `${kind} ${id} is ready, and the edge has not looked yet whether it answers at ${baseURL}: it does so once a route leads to it.`,
  };
}

function unreachable({ kind, id }: Service, baseURL: string, sentence: string): Problem {
  return {
    type: 'ResolvedRefs',
    reason: 'BackendUnreachable',
    message: `${kind} ${id} is ready, but the edge does not reach it at ${baseURL}: ${shortened(sentence)}. A connectionRef of the backend, or spec.clusterAccess of the EdgeGateway, says how it is reached.`,
  };
}

/** What a backend asks a service for, by the names that it serves. */
export function upstreamName(
  { kind, id }: { readonly kind: InferenceKind; readonly id: ResourceId },
  { models, isSeen }: Extract<Standing, { readonly type: 'Serving' }>,
  asked: { readonly model: string | undefined; readonly modelName: string },
): { readonly value: string; readonly problem?: never } | { readonly problem: Problem } {
  if (asked.model !== undefined) return { value: asked.model };
  if (models.includes(asked.modelName)) return { value: asked.modelName };
  const [only, ...others] = models;
  if (only !== undefined && others.length === 0) return { value: only };
  // Nothing is known, and that is not for want of looking.
  if (only === undefined && !isSeen) return { value: asked.modelName };
  const what = only === undefined ? 'no models' : `the models ${listed(models)}`;
  const source = isSeen ? `The edge sees ${what} at ${kind} ${id}` : `${kind} ${id} serves ${what}`;
  return {
    problem: {
      type: 'ResolvedRefs',
      reason: 'BackendUnreachable',
      message: `${source}, and none is called ${asked.modelName}: say by the backend's field model which one is meant.`,
    },
  };
}

/** What stands against a service that is reached by the names that it serves. */
export function standingProblems({ kind, id }: Service, standing: Standing): readonly Problem[] {
  switch (standing.type) {
    case 'Faulty':
      return standing.problems;
    case 'Waiting':
      return [standing.problem];
    case 'Serving': {
      if (standing.models.length > 0) return [];
      const message = standing.isSeen
        ? `The edge sees no models at ${kind} ${id}, so that there is no name to ask for.`
        : `${kind} ${id} says in its specification by which name it serves a model nowhere, and the edge has not looked: write an AIModel, or wait.`;
      return [{ type: 'ResolvedRefs', reason: 'BackendUnreachable', message }];
    }
  }
}

const SHOWN_MODELS = 10;
const SHOWN_CHARACTERS = 300;

function listed(models: readonly string[]): string {
  const shown = models.slice(0, SHOWN_MODELS).map(shortened).join(', ');
  return models.length > SHOWN_MODELS ? `${shown} and ${models.length - SHOWN_MODELS} more` : shown;
}

/** Others' words, which may be long, without the full stop at their end. */
function shortened(words: string): string {
  return cutText(words, SHOWN_CHARACTERS).replace(/\.$/, '');
}
