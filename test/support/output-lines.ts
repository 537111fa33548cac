import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { Happenings } from './happenings.ts';

/** What a process writes, line by line. */
export function outputLines(output: Readable): Happenings<string> {
  const lines = new Happenings<string>();
  createInterface(output).on('line', (line) => {
    lines.add(line);
  });
  return lines;
}
