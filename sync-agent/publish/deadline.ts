import type { Clock } from '../clock.ts';

/** The reason of a signal that ended because its time was up. */
export class DeadlineExceeded extends Error {
  override name = 'DeadlineExceeded';
}

/** Runs an operation under a signal that ends with the given one, or after `ms`, whichever comes first. */
export async function withDeadline<T>(
  operation: (signal: AbortSignal) => Promise<T>,
  ms: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<T> {
  const deadline = new AbortController();
  const finished = new AbortController();
  const timer = clock.wait(ms, finished.signal).then(
    () => deadline.abort(new DeadlineExceeded(`no answer within ${ms} ms`)),
    () => undefined,
  );
  try {
    return await operation(AbortSignal.any([signal, deadline.signal]));
  } finally {
    finished.abort();
    await timer;
  }
}
