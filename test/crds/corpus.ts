import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

const corpusObject = z.looseObject({ kind: z.string().optional(), spec: z.unknown().optional() });

/**
 * A file of the corpus. The comments at its head say what becomes of it:
 * - `# error:` is a line that its user must see from our own check, and, where no other line follows, from the API
 *   server too (the field, then the sentence);
 * - `# api server:` is what the API server says in words of its own instead; in brackets, what it does.
 */
export interface CorpusFile {
  name: string;
  object: z.output<typeof corpusObject>;
  errors: readonly string[];
  serverErrors: readonly string[];
}

const corpus = import.meta.dirname;

export function corpusFiles(folder: 'valid' | 'invalid'): CorpusFile[] {
  return readdirSync(path.join(corpus, folder))
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => {
      const text = readFileSync(path.join(corpus, folder, name), 'utf8');
      const linesOf = (head: string) =>
        [...text.matchAll(new RegExp(`^# ${head}: (.*)$`, 'gm'))].map(([, words]) => words ?? '');
      return {
        name,
        object: corpusObject.parse(parse(text)),
        errors: linesOf('error'),
        serverErrors: linesOf('api server'),
      };
    });
}
