import { group, version } from '../../crds/group.ts';
import { kinds } from '../../crds/kinds.ts';
import { ApiFailure } from '../../sync-agent/kubernetes/api.ts';
import { NEVER, type OperatedEdge } from '../edges/operated-edge.ts';
import type { OperatedResources } from '../edges/operated-resources.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import type { ClusterPlace } from '../places/place.ts';
import type { ClusterAtHand } from '../places/reading.ts';
import { findResourceFile, setSpecField } from './resource-file.ts';

/** Where an EdgeGateway stands whose `spec.pinnedRevision` is to be another. */
export interface PinPlace {
  /** For sentences. */
  readonly name: string;
  /** Of a folder: the file. */
  readonly file: string | null;
  /** @param revision undefined: none @returns whether it was another before @throws {CliError} that says what to do by hand */
  pin(revision: string | undefined): Promise<boolean>;
}

/** @param keys a folder of keys, which may hold the EdgeGateway too @throws {CliError} where it stands nowhere */
export async function findPinPlace(
  { place, cluster }: OperatedResources,
  edge: OperatedEdge,
  keys: string | undefined,
): Promise<PinPlace> {
  if (place.type === 'Cluster' && cluster) return clusterPinPlace(place, cluster, edge);
  const dir = place.type === 'Cluster' ? '.' : place.dir;
  const file = await findResourceFile(dir, `EdgeGateway/${edge.id}`);
  if (file === undefined) throw new CliError(notInFolder(dir, edge, keys), EXIT.environment);
  return {
    name: file,
    file,
    pin: (revision) => setSpecField(file, `EdgeGateway/${edge.id}`, 'pinnedRevision', revision),
  };
}

function clusterPinPlace(place: ClusterPlace, { api }: ClusterAtHand, { id, gateway }: OperatedEdge): PinPlace {
  const { namespace, name } = gateway.metadata;
  const path = `/apis/${group}/${version}/namespaces/${namespace}/${kinds.EdgeGateway.plural}/${name}`;
  return {
    name: `EdgeGateway ${id}`,
    file: null,
    pin: async (revision) => {
      if (gateway.spec.pinnedRevision === revision) return false;
      const body = { spec: { pinnedRevision: revision ?? null } };
      try {
        const query = { fieldManager: 'fairlead-rollback' };
        await api.call({ method: 'PATCH', path, query, body, contentType: 'application/merge-patch+json' }, NEVER);
      } catch (error) {
        if (!(error instanceof ApiFailure)) throw error;
        const context = place.context === undefined ? '' : ` --context ${place.context}`;
        throw new CliError(
          `EdgeGateway ${id} could not be changed (${error.message}): have somebody who may run ` +
            `kubectl${context} patch edgegateway -n ${namespace} ${name} --type merge -p '${JSON.stringify(body)}'`,
          EXIT.environment,
        );
      }
      return true;
    },
  };
}

function notInFolder(dir: string, { id }: OperatedEdge, keys: string | undefined): string {
  const where = keys === undefined ? 'a file of it' : `a file of it (that of ${keys} is for the keys)`;
  return `${dir} does not hold EdgeGateway ${id}: write it into ${where}, or name the cluster that holds it with --context`;
}
