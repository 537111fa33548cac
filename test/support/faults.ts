/** What goes wrong within one process of an edge that runs faulty-worker.ts. */
export interface Faults {
  /** Calls of the hub by the worker. */
  readonly hub?: Fault;
  /** Those calls of it that are its isolate's own, while agents get through. */
  readonly polls?: Fault;
  /** Every call of KV, the hub's own too. */
  readonly kv?: Fault;
  /** What KV shows under some keys, whatever is there: null: nothing. */
  readonly kvShows?: Readonly<Record<string, string | null>>;
  readonly cache?: Fault;
}

export type Fault =
  | { readonly type: 'Fails' }
  /** Does not answer, and fails when the faults become others. */
  | { readonly type: 'Hangs' }
  | { readonly type: 'Delays'; readonly ms: number }
  /** Reads find nothing. */
  | { readonly type: 'Misses' };

/** PUT `Faults` here, at the process that they are meant for; `{}` mends everything. */
export const FAULTS_PATH = '/faults-of-this-process';

/** A variable of the worker: what goes wrong from its first request on. */
export const FAULTS_AT_START = 'FAULTS_AT_START';

export const fails: Fault = { type: 'Fails' };
export const hangs: Fault = { type: 'Hangs' };
export const misses: Fault = { type: 'Misses' };

/** @param part an isolate or the hub of an edge that runs faulty-worker.ts */
export async function setFaults(part: { readonly url: string }, faults: Faults): Promise<void> {
  const response = await fetch(part.url + FAULTS_PATH, { method: 'PUT', body: JSON.stringify(faults) });
  if (response.status !== 204)
    throw new Error(`${part.url} does not run faulty-worker.ts: it answers ${response.status}`);
}
