import { unknownFeatures } from '../../contract/features.ts';
import type { BackendEntry, ProviderEntry } from '../../contract/routing-table.ts';
import type { ClusterTable } from '../table/served-table.ts';
import type { FoundModel } from './find-model.ts';

/** A backend that can be asked. */
export interface Candidate {
  readonly backend: BackendEntry;
  readonly providerId: string;
  readonly provider: ProviderEntry;
  /** The table of the backend's cluster, where its provider and its secrets stand. */
  readonly home: ClusterTable;
}

/** A backend that cannot. */
export interface LeftOut {
  readonly backend: BackendEntry;
  readonly why: string;
  /** This worker is too old for its provider. */
  readonly isUnsupported: boolean;
}

export interface CandidateList {
  readonly candidates: readonly Candidate[];
  readonly leftOut: readonly LeftOut[];
}

/** The backends of a model, of all clusters that unite in it, in no particular order. */
export function listCandidates({ parts }: FoundModel): CandidateList {
  const candidates: Candidate[] = [];
  const leftOut: LeftOut[] = [];
  for (const { table: home, model } of parts)
    for (const backend of model.backends) {
      const provider = home.provider(backend.provider);
      const unknown = provider && unknownFeatures(provider);
      if (backend.weight === 0) leftOut.push({ backend, why: 'its weight is 0', isUnsupported: false });
      else if (!provider || !unknown)
        leftOut.push({
          backend,
          why: `its provider ${backend.provider} is not in the table`,
          isUnsupported: false,
        });
      else if (unknown.length > 0)
        leftOut.push({
          backend,
          why: `its provider ${backend.provider} requires ${unknown.join(', ')}, which this worker does not know`,
          isUnsupported: true,
        });
      else candidates.push({ backend, providerId: backend.provider, provider, home });
    }
  return { candidates, leftOut };
}
