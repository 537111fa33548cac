import type { ConditionReason, ConditionType } from '../../../crds/conditions.ts';
import { group } from '../../../crds/group.ts';
import type { Kind } from '../../../crds/kinds.ts';
import { cutText } from '../../cut-text.ts';
import type { ResourceId } from '../../snapshot.ts';
import type { EdgeOpinion, ResourceWord } from './status-facts.ts';
import {
  CONTROLLER_NAME,
  isOwn,
  ownParent,
  type StatusCondition,
  type StatusParent,
  type StoredStatus,
} from './stored-status.ts';

export interface StatusInput {
  readonly kind: Kind;
  readonly word: ResourceWord;
  readonly stored: StoredStatus;
  /** `metadata.generation` as it is stored. */
  readonly generation: number;
  /** RFC 3339, for what changes now. */
  readonly now: string;
  /** Whether an edge is so new to this agent that not having heard of it says nothing. */
  readonly isNew: (edge: ResourceId) => boolean;
}

export interface ConditionsAndParents {
  readonly conditions: readonly StatusCondition[];
  readonly parents: readonly StatusParent[];
}

/** Before its time of transition is known. */
type Finding = Omit<StatusCondition, 'lastTransitionTime'> & { readonly type: ConditionType };

/** The API server takes no more. */
const LONGEST_MESSAGE = 32_768;

const TYPES: readonly ConditionType[] = ['Accepted', 'ResolvedRefs', 'Programmed'];

/**
 * The conditions of a resource, per edge and summed up. A pure function of what is known and what is stored.
 *
 * | of a type                                     | summed up                                                     |
 * |-----------------------------------------------|---------------------------------------------------------------|
 * | True on every edge that the resource concerns | True                                                          |
 * | False on any                                  | False, with the reason of the first of these                  |
 * | else                                          | Unknown                                                       |
 *
 * A time of transition is that of what is stored while the status of the condition is the same. What was found out for
 * an older generation says so: `observedGeneration` is that of what was compiled, not of what is stored.
 */
export function statusOfResource(input: StatusInput): ConditionsAndParents {
  const { word, stored, kind } = input;
  const edges = word.opinions.map((opinion) => {
    const before = kind === 'EdgeGateway' ? stored.conditions : (ownParent(stored, opinion.edge)?.conditions ?? []);
    return { opinion, before, findings: findingsOf(opinion, before, input) };
  });
  const summary = edges.length === 0 ? withoutEdge(input) : summedUp(edges);
  return {
    conditions: summary.map((finding) => dated(finding, stored.conditions, input.now)),
    parents: [
      // Other controllers' stay as they are: the list is written as a whole.
      ...stored.parents.filter((parent) => !isOwn(parent)),
      ...(kind === 'EdgeGateway' ? [] : edges)
        .filter(({ opinion }) => !isMisled(opinion))
        .map(({ opinion, before, findings }) =>
          parentOf(
            opinion.edge,
            findings.map((finding) => dated(finding, before, input.now)),
          ),
        ),
    ],
  };
}

function findingsOf(opinion: EdgeOpinion, before: readonly StatusCondition[], input: StatusInput): Finding[] {
  const { conditions, generation = input.generation } = opinion;
  const compiled = conditions.map(({ type, status, reason, message }) => ({
    type,
    status,
    reason,
    message,
    observedGeneration: generation,
  }));
  const found = new Map([...compiled, programmedOf(opinion, before, input)].map((finding) => [finding.type, finding]));
  const invalid = invalidity(input);
  if (invalid) found.set('Accepted', invalid);
  return TYPES.flatMap((type) => found.get(type) ?? []);
}

/**
 * A leader that has just begun has not heard of the edge yet: what the one before it was told stays, as long as it is
 * about the same generation.
 */
function programmedOf(opinion: EdgeOpinion, before: readonly StatusCondition[], input: StatusInput): Finding {
  const { edge, programmed, programmedGeneration = input.generation } = opinion;
  const finding: Finding = {
    type: 'Programmed',
    status: programmed?.status ?? 'Unknown',
    reason: programmed?.reason ?? 'Pending',
    message: programmed?.message ?? `EdgeGateway ${edge} has not been heard of yet.`,
    observedGeneration: programmedGeneration,
  };
  if (finding.status !== 'Unknown' || !input.isNew(edge)) return finding;
  const known = before.find(({ type }) => type === 'Programmed');
  return known?.observedGeneration === (opinion.generation ?? input.generation)
    ? { ...known, type: 'Programmed' }
    : finding;
}

function invalidity({ word: { problems }, generation }: StatusInput): Finding | undefined {
  if (problems.length === 0) return undefined;
  return finding('Accepted', 'False', 'Invalid', problems.join(' '), generation);
}

/** Of a resource that no edge has anything to say of. */
function withoutEdge(input: StatusInput): Finding[] {
  const { kind, word, generation } = input;
  const invalid = invalidity(input);
  const attaches = kind === 'GatewayRoute' || kind === 'Consumer';
  const why = word.hasEdges
    ? 'No EdgeGateway that is there to stay concerns it.'
    : 'There is no EdgeGateway: create one that it attaches to.';
  const left = 'It is in no table: see its other conditions.';
  return [
    ...(invalid ? [invalid] : []),
    ...(!invalid && attaches ? [finding('Accepted', 'False', 'NoMatchingParent', why, generation)] : []),
    finding('Programmed', 'False', 'NotShipped', invalid || attaches ? left : why, generation),
  ];
}

function summedUp(
  edges: readonly { readonly opinion: EdgeOpinion; readonly findings: readonly Finding[] }[],
): Finding[] {
  return TYPES.flatMap((type) => {
    const found = edges.flatMap(({ opinion, findings }) =>
      findings.filter((one) => one.type === type).map((one) => ({ edge: opinion.edge, finding: one })),
    );
    const worst =
      found.find(({ finding }) => finding.status === 'False') ??
      found.find(({ finding }) => finding.status !== 'True') ??
      found[0];
    if (!worst) return [];
    const observedGeneration = Math.min(...found.map(({ finding }) => finding.observedGeneration ?? 0));
    const isTold = found.length === 1 || worst.finding.status === 'True' || worst.finding.message.includes(worst.edge);
    const message = isTold ? worst.finding.message : `EdgeGateway ${worst.edge}: ${worst.finding.message}`;
    return [{ ...worst.finding, message, observedGeneration }];
  });
}

/** Whether it names no edge that there is: then all edges say so, and none of them is a parent of it. */
function isMisled({ conditions }: EdgeOpinion): boolean {
  return conditions.some(({ reason }) => reason === 'NoMatchingParent');
}

function finding(
  type: ConditionType,
  status: 'True' | 'False',
  reason: ConditionReason,
  message: string,
  observedGeneration: number,
): Finding {
  return { type, status, reason, message, observedGeneration };
}

function dated(finding: Finding, before: readonly StatusCondition[], now: string): StatusCondition {
  const { type, status, observedGeneration, reason, message } = finding;
  const known = before.find((one) => one.type === type);
  return {
    type,
    status,
    observedGeneration,
    lastTransitionTime: known?.status === status ? known.lastTransitionTime : now,
    reason,
    message: cutText(message, LONGEST_MESSAGE),
  };
}

function parentOf(edge: ResourceId, conditions: readonly StatusCondition[]): StatusParent {
  const [namespace = '', name = ''] = edge.split('/');
  return { parentRef: { group, kind: 'EdgeGateway', namespace, name }, controllerName: CONTROLLER_NAME, conditions };
}
