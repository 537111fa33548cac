import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** A server that the benchmark started, and how to be rid of it. */
export type RunningServer = { pid: number; port: number; stop: () => Promise<void> };

const running = new Set<ChildProcess>();

/** No server outlives the benchmark, however that ends. */
export function endWithUs(child: ChildProcess): void {
  running.add(child);
  child.once('exit', () => {
    running.delete(child);
  });
}

process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    process.exit(1);
  });
}

/** Ends exactly the process that was started, and waits until it is gone. */
export async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  const impatience = setTimeout(() => child.kill('SIGKILL'), 5000);
  await exit;
  clearTimeout(impatience);
}
