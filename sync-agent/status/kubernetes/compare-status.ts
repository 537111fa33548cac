import { isDeepStrictEqual } from 'node:util';
import { conditionTypes } from '../../../crds/conditions.ts';
import type { Json } from '../../../contract/canonical-json.ts';
import type { StatusCondition, StatusParent, StoredStatus } from './stored-status.ts';

/** A whole status as the agent wants it. */
export interface WantedStatus {
  readonly conditions: readonly StatusCondition[];
  /** Absent of an EdgeGateway, which has none. */
  readonly parents: readonly StatusParent[] | undefined;
  readonly fields: Readonly<Record<string, Json>>;
}

/** Which fields beside conditions and parents are the agent's, and which of these may be late. */
export interface StatusFields {
  readonly own: readonly string[];
  readonly counts: readonly string[];
}

export type StatusDifference = 'None' | 'CountsOnly' | 'Some';

/** How what is wanted differs from what is stored, as far as it is the agent's: conditions of other types are not. */
export function compareStatus(
  wanted: WantedStatus,
  stored: StoredStatus,
  { own, counts }: StatusFields,
): StatusDifference {
  const known = stored.conditions.filter(({ type }) => isOurType(type));
  if (!isSameConditions(wanted.conditions, known)) return 'Some';
  if (wanted.parents && !isSameParents(wanted.parents, stored.parents)) return 'Some';
  const differing = own.filter((field) => !isDeepStrictEqual(wanted.fields[field], stored.fields[field]));
  if (differing.length === 0) return 'None';
  return differing.every((field) => counts.includes(field)) ? 'CountsOnly' : 'Some';
}

/** Whether it is one of the agent's conditions. */
export function isOurType(type: string): boolean {
  return Object.hasOwn(conditionTypes, type);
}

function isSameParents(a: readonly StatusParent[], b: readonly StatusParent[]): boolean {
  return (
    a.length === b.length &&
    a.every((parent, i) => {
      const other = b[i];
      return (
        other !== undefined &&
        parent.controllerName === other.controllerName &&
        isDeepStrictEqual(parent.parentRef, other.parentRef) &&
        isSameConditions(parent.conditions, other.conditions)
      );
    })
  );
}

/** In any order. */
function isSameConditions(a: readonly StatusCondition[], b: readonly StatusCondition[]): boolean {
  if (a.length !== b.length) return false;
  const byType = new Map(b.map((condition) => [condition.type, condition]));
  return a.every((condition) => isDeepStrictEqual({ ...condition }, byType.get(condition.type)));
}
