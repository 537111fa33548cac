import { systemClock, type Clock } from '../clock.ts';
import type { KubernetesApi } from './api.ts';
import type { ClusterAccess } from './cluster-access.ts';
import { openKubeconfig, type KubeconfigChoice } from './kubeconfig-access.ts';
import { findPodAccess } from './pod-access.ts';
import { createKubernetesApi, type RequestTold } from './undici-api.ts';

export interface OpenOptions extends KubeconfigChoice {
  /** For `rest_client_requests_total`. */
  readonly onRequest?: (request: RequestTold) => void;
  /** Where a pod has its token; absent: where Kubernetes puts it. */
  readonly serviceAccountFolder?: string;
  readonly clock?: Clock;
}

/**
 * The API server that is meant: that of the kubeconfig or context that is named, else of the pod that this runs in, else
 * of the user's own kubeconfig. Nothing is asked of it yet.
 *
 * @throws {AccessFailure} where nothing tells where it is
 */
export async function openKubernetesApi(options: OpenOptions): Promise<KubernetesApi> {
  const { clock = systemClock, onRequest } = options;
  return createKubernetesApi({ access: await accessOf(options), clock, onRequest });
}

async function accessOf(options: OpenOptions): Promise<ClusterAccess> {
  const isNamed = options.kubeconfig ?? options.context ?? options.env['KUBECONFIG'];
  const pod = isNamed ? undefined : await findPodAccess(options.env, options.serviceAccountFolder);
  return pod ?? openKubeconfig(options);
}
