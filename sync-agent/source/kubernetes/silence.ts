import type { Clock } from '../../clock.ts';

/** The other side may be gone without a word: a connection that is open at one end only. */
export class Silence extends Error {
  override name = 'Silence';
}

/** Runs an operation until nothing has been heard for `ms`: then its signal ends, with a {@link Silence} for a reason. */
export async function whileHeard<T>(
  ms: number,
  clock: Clock,
  signal: AbortSignal,
  operation: (signal: AbortSignal, heard: () => void) => Promise<T>,
): Promise<T> {
  const silent = new AbortController();
  const over = new AbortController();
  let heardAt = clock.now();
  const listen = async (): Promise<void> => {
    for (let left = ms; left > 0; left = heardAt + ms - clock.now()) await clock.wait(left, over.signal);
    silent.abort(new Silence(`nothing was heard for ${ms / 1000} s`));
  };
  const listening = listen().catch(() => undefined);
  try {
    return await operation(AbortSignal.any([signal, silent.signal]), () => {
      heardAt = clock.now();
    });
  } catch (error) {
    // What a call says of its own end is not why it ended.
    throw silent.signal.aborted && !signal.aborted ? silent.signal.reason : error;
  } finally {
    over.abort(new Error('over'));
    await listening;
  }
}
