import { setTimeout as sleep } from 'node:timers/promises';

const DEADLINE_MS = 30_000;

/** An isolate that nobody has asked yet starts with the first question. @returns the revision */
export async function untilAllServeTheSame(urls: readonly string[], key: string): Promise<string> {
  const deadline = performance.now() + DEADLINE_MS;
  while (performance.now() < deadline) {
    const [first = '', ...others] = await Promise.all(urls.map((url) => servedRevision({ url, key })));
    if (first !== '' && others.every((revision) => revision === first)) return first;
  }
  throw new Error(`The isolates did not serve the same within ${DEADLINE_MS} ms`);
}

/** Milliseconds since `since` until the isolate answers from another revision. */
export async function untilOther(before: string, isolate: Isolate, since: number): Promise<number> {
  let elapsed = 0;
  while (elapsed < DEADLINE_MS) {
    const revision = await servedRevision(isolate);
    elapsed = performance.now() - since;
    if (revision !== before) return elapsed;
    // Two clients that never rest would take the time of those that they wait for.
    await sleep(1);
  }
  throw new Error(`A change was not served within ${DEADLINE_MS} ms`);
}

interface Isolate {
  readonly url: string;
  /** Of a consumer. */
  readonly key: string;
}

async function servedRevision({ url, key }: Isolate): Promise<string> {
  const answer = await fetch(new URL('/v1/models', url), { headers: { authorization: `Bearer ${key}` } });
  await answer.arrayBuffer();
  return answer.headers.get('x-fairlead-revision') ?? '';
}
