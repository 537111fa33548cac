import { setTimeout as pause } from 'node:timers/promises';

const PAUSE_MS = 20;

/** Looks again and again at what tells nobody when it changes. @throws {Error} after `patienceMs` */
export async function eventually(
  what: string,
  isTrue: () => Promise<boolean> | boolean,
  patienceMs = 20_000,
): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await pause(PAUSE_MS);
  }
}
