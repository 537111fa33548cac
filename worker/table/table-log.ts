import type { Json } from '../../contract/canonical-json.ts';

/** Where hub and pick-up say what happened. Neither message nor fields ever hold a secret. */
export type TableLog = (level: 'info' | 'warn', message: string, fields: Readonly<Record<string, Json>>) => void;
