import type { RoutedService } from '../compile/compilation.ts';
import { isServed } from './inference-service.ts';

/** Whether somebody counts them: that a gateway took an InferencePool says nothing of its pods. */
export function areReplicasKnown({
  service,
  state,
  replicas,
}: Pick<RoutedService, 'service' | 'state' | 'replicas'>): boolean {
  return !service.startsWith('InferencePool/') || replicas.desired !== undefined || !isServed(state);
}
