import type { Candidate } from './candidate.ts';

export type SuiteContext = {
  candidates: readonly Candidate[];
  /** Fewer and shorter rounds: to see that it works, not to quote. */
  quick: boolean;
  /** Tells people how far it is; goes nowhere near the results. */
  progress: (line: string) => void;
};

/** One table of results: each row has a cell for each column, by the column's key. */
export type ResultTable = {
  title: string;
  columns: readonly Column[];
  rows: readonly ResultRow[];
};

export type Column = { key: string; heading: string };

export type ResultRow = Readonly<Record<string, string | number>>;

/** `unavailable` says why there is nothing to measure, and is not an error. */
export type SuiteResult = { tables: readonly ResultTable[]; unavailable?: string };

export type Suite = {
  name: string;
  does: string;
  run: (context: SuiteContext) => Promise<SuiteResult>;
};
