import { compareGenerations } from '../../contract/revision.ts';
import type { Generation } from '../../contract/routing-table.ts';

/** Says that a law was broken: the run ends there. */
export type Broken = (how: string) => void;

export class BrokenLaw extends Error {
  override name = 'BrokenLaw';
}

export function isAbove(generation: Generation, floor: Generation | null): boolean {
  return floor === null || compareGenerations(generation, floor) > 0;
}
