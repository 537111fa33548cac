import { isDeepStrictEqual } from 'node:util';
import type { Json } from '../../../contract/canonical-json.ts';
import type { RoutedService } from '../../compile/compilation.ts';
import { areReplicasKnown } from '../../inference/are-replicas-known.ts';
import type { InferenceState } from '../../inference/inference-service.ts';
import type { StoredStatus } from './stored-status.ts';

/** Fields of an AIModel's status beside conditions and parents. */
export const MODEL_FIELDS = [
  'deploymentStatus',
  'availableReplicas',
  'inferenceServiceURL',
  'services',
  'lastObservedTime',
] as const;
/** Those that change often and are read seldom. */
export const MODEL_COUNTS: readonly string[] = ['availableReplicas', 'services', 'lastObservedTime'];

/** The best first: a model is as well off as the best of its services. */
const PHASES: readonly InferenceState['phase'][] = [
  'Ready',
  'Degraded',
  'ScaledToZero',
  'Pending',
  'Unavailable',
  'Failed',
  'Stopped',
];

/** As many as the schema of the status lets in. */
const MOST_SERVICES = 64;
const MOST_REPLICAS = 1_000_000;

/** @param now RFC 3339: the time of observation where anything else of this is another than what is stored */
export function modelFields(
  services: readonly RoutedService[],
  stored: StoredStatus,
  now: string,
): Readonly<Record<string, Json>> {
  const sorted = services.toSorted((a, b) => rank(a) - rank(b) || (a.service < b.service ? -1 : 1));
  const url = sorted.find((service) => service.url !== undefined)?.url;
  const [best] = sorted;
  if (!best) return { deploymentStatus: 'None' };
  const counted = services.filter(areReplicasKnown);
  const seen = {
    deploymentStatus: best.state.phase,
    ...(counted.length > 0 && {
      availableReplicas: Math.min(
        counted.reduce((sum, { replicas }) => sum + replicas.ready, 0),
        MOST_REPLICAS,
      ),
    }),
    ...(url !== undefined && { inferenceServiceURL: url }),
    services: services
      .toSorted((a, b) => (a.service < b.service ? -1 : 1))
      .slice(0, MOST_SERVICES)
      .map(serviceStatus),
  };
  const isAsStored = Object.entries(seen).every(([field, value]) => isDeepStrictEqual(stored.fields[field], value));
  const known = stored.fields['lastObservedTime'];
  return { ...seen, lastObservedTime: isAsStored && typeof known === 'string' ? known : now };
}

function rank({ state }: RoutedService): number {
  return PHASES.indexOf(state.phase);
}

function serviceStatus(routed: RoutedService) {
  const { service, state, replicas, accelerator, url } = routed;
  const [kind = '', namespace = '', name = ''] = service.split('/');
  return {
    kind,
    namespace,
    name,
    deploymentStatus: state.phase,
    ...(areReplicasKnown(routed) && { readyReplicas: replicas.ready }),
    ...(replicas.desired !== undefined && { desiredReplicas: replicas.desired }),
    ...(accelerator && { accelerator: accelerator.kind, acceleratorsPerReplica: accelerator.count }),
    ...(url !== undefined && { url }),
  };
}
