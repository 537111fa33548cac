export interface HeldFetch {
  readonly fetch: typeof fetch;
  /** Resolves when a call is held for the first time. */
  readonly held: Promise<void>;
  /** Lets what is held go on, and holds nothing any more. */
  release(): void;
}

/** A fetch that holds certain calls until they are released, as an agent does that is paused just there. */
export function heldFetch(isHeld: (method: string, path: string) => boolean): HeldFetch {
  const { promise: held, resolve: hold } = Promise.withResolvers<void>();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  return {
    held,
    release,
    fetch: async (input, init) => {
      const request = new Request(input, init);
      if (isHeld(request.method, new URL(request.url).pathname)) {
        hold();
        await released;
      }
      return fetch(request);
    },
  };
}
