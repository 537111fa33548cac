import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

/** Makes much garbage in a process of its own, of which a part lives a while. Prints the new space's size in bytes. */
const GARBAGE = `
import { getHeapSpaceStatistics } from 'node:v8';
let kept = [];
for (let i = 0; i < 2_000_000; i++) {
  kept.push({ i, text: 'x' + i });
  if (kept.length === 20_000) kept = [];
}
const space = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
console.log(space.physical_space_size);
`;

async function newSpaceMegabytes(...flags: string[]): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, '--input-type=module', '--eval', GARBAGE]);
  return Number(stdout) / 2 ** 20;
}

test('an agent keeps the memory for new objects small, however much passes through it', async () => {
  const module = new URL('../../sync-agent/spare-memory.ts', import.meta.url).href;
  expect(await newSpaceMegabytes(`--import=${module}`)).toBeLessThan(4);
  expect(await newSpaceMegabytes()).toBeGreaterThan(8);
});
