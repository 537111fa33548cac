import type { Dialect, DialectName } from './dialect.ts';
import { openai } from './openai/openai.ts';

/** Total over the contract's dialects: a new one does not compile until it stands here. */
export const dialects: Readonly<Record<DialectName, Dialect>> = { OpenAI: openai };
