/** Where in a call an agent dies: with the request unsent, or carried out and its answer unheard. */
export type DeathPoint = 'before' | 'after';

export interface InterruptedFetch {
  readonly fetch: typeof fetch;
  /** Resolves when the agent has died, with the call that it died at. */
  readonly died: Promise<string>;
  /** The calls that were made, as `METHOD /path`. */
  readonly calls: readonly string[];
}

/** A fetch that ends at the `count`th call, counted from 1: from then on nothing leaves and nothing comes back. */
export function interruptedFetch(count: number, point: DeathPoint): InterruptedFetch {
  const calls: string[] = [];
  const { promise: died, resolve: die } = Promise.withResolvers<string>();
  const interrupted: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    if (calls.length >= count) return silence(request.signal);
    const call = `${request.method} ${new URL(request.url).pathname}`;
    calls.push(call);
    const isLast = calls.length === count;
    if (isLast && point === 'before') {
      die(call);
      return silence(request.signal);
    }
    const response = await fetch(request);
    if (!isLast) return response;
    await response.arrayBuffer();
    die(call);
    return silence(request.signal);
  };
  return { fetch: interrupted, died, calls };
}

/** Ends only when the test buries the agent. */
function silence(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = (): void => reject(new Error('the agent is dead'));
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
  });
}
