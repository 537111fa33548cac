import type { Replicas } from './decide-state.ts';
import type { EndpointSliceFacts } from './endpoint-slice.ts';
import { podsOf, type Pod } from './pods.ts';
import type { ServiceReading } from './service-reading.ts';

/** The pods of a service, each once, those that are ready first. Undefined where none of its Services has a slice. */
export function podsBehind(
  { metadata, serviceNames, otherPods }: ServiceReading,
  slices: readonly EndpointSliceFacts[],
): readonly Pod[] | undefined {
  const own = slices.filter(
    ({ namespace, service }) => namespace === metadata.namespace && serviceNames.includes(service),
  );
  if (own.length === 0) return undefined;
  return podsOf(own).filter(({ targetName }) => !otherPods.some((prefix) => targetName?.startsWith(prefix)));
}

/** The table of decide-state.ts says what counts where there are no slices. */
export function countReplicas(reading: ServiceReading, slices: readonly EndpointSliceFacts[]): Replicas {
  const pods = podsBehind(reading, slices);
  if (pods)
    return {
      ready: pods.filter(({ ready }) => ready).length,
      present: pods.filter(({ terminating }) => !terminating).length,
    };
  const { readyCopies, ready } = reading.statement;
  const copies = readyCopies ?? (ready === 'True' ? 1 : 0);
  return { ready: copies, present: copies };
}
