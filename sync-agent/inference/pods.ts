import type { EndpointSliceFacts, SliceEndpoint } from './endpoint-slice.ts';

/** A pod behind a Service, with the ports of the slice that it stands in. */
export interface Pod extends SliceEndpoint {
  readonly slice: EndpointSliceFacts;
}

/**
 * The pods that some slices tell of, each once: a pod stands in one slice for each address family, and, while slices
 * are being rewritten, in two of one. Those that are ready come first, then by name and address.
 */
export function podsOf(slices: readonly EndpointSliceFacts[]): readonly Pod[] {
  const pods = new Map<string, Pod>();
  for (const slice of slices)
    for (const endpoint of slice.endpoints) {
      const key = endpoint.targetName ?? endpoint.address;
      const known = pods.get(key);
      const pod = { ...endpoint, slice };
      if (!known || inOrder(pod, known) < 0) pods.set(key, pod);
    }
  return [...pods.values()].toSorted(inOrder);
}

/** A Deployment is rolled out by one set of pods after another; nobody has more of them at a time. */
const MOST_REVISIONS = 8;

/** Of the pods that are ready: their names but for what tells one from another, which is what stands last. */
export function revisionsOf(pods: readonly Pod[]): readonly string[] {
  const revisions = pods.flatMap(({ ready, targetName }) => (ready && targetName ? [withoutEnd(targetName)] : []));
  return [...new Set(revisions)].toSorted(compare).slice(0, MOST_REVISIONS);
}

function withoutEnd(name: string): string {
  return name.slice(0, Math.max(name.lastIndexOf('-'), 0)) || name;
}

function inOrder(a: Pod, b: Pod): number {
  return (
    Number(b.ready) - Number(a.ready) ||
    compare(a.targetName ?? '', b.targetName ?? '') ||
    // IPv4 first, as most pods listen on it.
    Number(a.address.includes(':')) - Number(b.address.includes(':')) ||
    compare(a.address, b.address)
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
