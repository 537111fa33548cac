import { compareGenerations } from '../../contract/revision.ts';
import type { Generation } from '../../contract/routing-table.ts';

/** The higher of two, as far as they are known. */
export function laterGeneration(a: Generation | null, b: Generation | null): Generation | null {
  if (!a || !b) return a ?? b;
  return compareGenerations(a, b) < 0 ? b : a;
}
