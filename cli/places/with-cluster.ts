import { group, version } from '../../crds/group.ts';
import { kinds } from '../../crds/kinds.ts';
import { ApiFailure, type KubernetesApi } from '../../sync-agent/kubernetes/api.ts';
import { AccessFailure } from '../../sync-agent/kubernetes/cluster-access.ts';
import { openKubernetesApi } from '../../sync-agent/kubernetes/open-kubernetes-api.ts';
import { createKubernetesSource } from '../../sync-agent/source/kubernetes/cluster-source.ts';
import { silentLogger } from '../../sync-agent/log.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { placeName, type ClusterPlace } from './place.ts';
import { readableApi, type Unreadable } from './readable-api.ts';
import { readSource } from './read-source.ts';
import type { Reading } from './reading.ts';

/** All of it, every kind: what takes longer will not end by itself. */
const READ_WITHIN_MS = 30_000;
const FIRST_CALL_MS = 10_000;

const OWN_COLLECTIONS: readonly string[] = Object.values(kinds).map(({ plural }) => `${plural}.${group}`);

/** Reads a cluster as a person's rights allow, and lets it be asked until it was used. @throws {CliError} */
export async function withCluster<T>(place: ClusterPlace, use: (reading: Reading) => Promise<T>): Promise<T> {
  const api = await open(place);
  try {
    await requireFairlead(api, place);
    const unreadable: Unreadable = { elsewhere: new Set(), entirely: new Set() };
    const namespace = place.namespace ?? api.namespace;
    const source = createKubernetesSource({
      api: readableApi(api, namespace, unreadable),
      serviceAccount: { namespace: 'fairlead-system', name: 'fairlead' },
      logger: silentLogger,
      patienceMs: READ_WITHIN_MS,
    });
    const read = await readSource(source);
    requireRights(unreadable, namespace, place);
    return await use({
      place,
      resources: read.resources,
      problems: read.problems,
      notes: unreadableNotes(unreadable, namespace),
      cluster: { api, stored: (key) => read.stored.get(key) },
    });
  } finally {
    await api.close();
  }
}

async function open({ kubeconfig, context }: ClusterPlace): Promise<KubernetesApi> {
  try {
    return await openKubernetesApi({ kubeconfig, context, env: process.env });
  } catch (error) {
    if (error instanceof AccessFailure) throw new CliError(error.message, EXIT.environment);
    throw error;
  }
}

/** Says at once what else would be waited for: that nothing answers, that nobody is let in, or that it is the wrong cluster. */
async function requireFairlead(api: KubernetesApi, place: ClusterPlace): Promise<void> {
  try {
    const path = `/apis/${group}/${version}`;
    await api.call({ method: 'GET', path, timeoutMs: FIRST_CALL_MS }, new AbortController().signal);
  } catch (error) {
    if (error instanceof AccessFailure) throw new CliError(error.message, EXIT.environment);
    if (!(error instanceof ApiFailure)) throw error;
    const why =
      error.status === 404
        ? `does not know the resources of ${group}: is it the right one? If so, install their definitions: kubectl apply --server-side -k deploy/kustomize/crds`
        : `cannot be read: ${error.message}`;
    throw new CliError(`${placeName(place)} ${why}`, EXIT.environment);
  }
}

/** Who may list nothing of ours is told that, and not that there is nothing. */
function requireRights({ entirely }: Unreadable, namespace: string, place: ClusterPlace): void {
  if (!OWN_COLLECTIONS.every((name) => entirely.has(name))) return;
  throw new CliError(
    `you may list no resource of ${group} in ${placeName(place)}, nor in its namespace ${namespace} alone: have somebody ` +
      `bind the role view to you there, or name another namespace by --namespace`,
    EXIT.environment,
  );
}

function unreadableNotes({ elsewhere, entirely }: Unreadable, namespace: string): string[] {
  return [
    ...(elsewhere.size === 0
      ? []
      : [`you may list ${namesOf(elsewhere)} in namespace ${namespace} alone: what others hold is not known here`]),
    ...(entirely.size === 0 ? [] : [`you may not list ${namesOf(entirely)}: here it looks as if there were none`]),
  ];
}

function namesOf(collections: ReadonlySet<string>): string {
  const hasAll = OWN_COLLECTIONS.every((name) => collections.has(name));
  const names = [...collections].filter((name) => !hasAll || !OWN_COLLECTIONS.includes(name)).toSorted();
  return [...(hasAll ? [`the resources of ${group}`] : []), ...names].join(', ');
}
