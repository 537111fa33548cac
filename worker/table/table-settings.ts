import * as z from 'zod';
import { clusterTrustList, type ClusterTrust } from '../../contract/cluster-trust.ts';
import { importSigningKey, type FindKey } from '../../contract/revision.ts';

/** A cluster that may publish, its keys ready for use. */
export interface TrustedCluster {
  readonly trust: ClusterTrust;
  readonly findKey: FindKey;
}

export interface TableSettings {
  /** Origin of this edge: what a pointer and a signed request must be made for. */
  readonly edge: string;
  /** Whose tables this edge serves; the order counts, because an earlier one goes before a later one. */
  readonly clusters: readonly TrustedCluster[];
  /** On one machine: asking costs nothing, so isolates ask often. */
  readonly local: boolean;
}

/** The variables that these settings are read from. */
export interface TableVariables {
  readonly FAIRLEAD_ENDPOINT: string;
  readonly FAIRLEAD_CLUSTERS: string;
  readonly FAIRLEAD_LOCAL?: string;
}

const variables = z.object({
  FAIRLEAD_ENDPOINT: z.string().refine((text) => URL.canParse(text) && new URL(text).origin === text, {
    error: 'must be an origin, such as https://llm.example.com, without a path or a slash at the end',
  }),
  FAIRLEAD_CLUSTERS: z.string().transform(parseJson).pipe(clusterTrustList),
  FAIRLEAD_LOCAL: z.enum(['true', 'false']).default('false'),
});

/** @throws {Error} with a sentence for the operator */
export async function readTableSettings(environment: TableVariables): Promise<TableSettings> {
  const { FAIRLEAD_ENDPOINT, FAIRLEAD_CLUSTERS, FAIRLEAD_LOCAL } = environment;
  const parsed = variables.safeParse({ FAIRLEAD_ENDPOINT, FAIRLEAD_CLUSTERS, FAIRLEAD_LOCAL });
  if (!parsed.success) throw new Error(`The worker's configuration cannot be used:\n${z.prettifyError(parsed.error)}`);
  return {
    edge: parsed.data.FAIRLEAD_ENDPOINT,
    clusters: await Promise.all(parsed.data.FAIRLEAD_CLUSTERS.map(trustedCluster)),
    local: parsed.data.FAIRLEAD_LOCAL === 'true',
  };
}

export function findCluster({ clusters }: TableSettings, name: string): TrustedCluster | undefined {
  return clusters.find(({ trust }) => trust.name === name);
}

export async function trustedCluster(trust: ClusterTrust): Promise<TrustedCluster> {
  const keys = await Promise.all(trust.verifyingKeys.map(importSigningKey));
  const byId = new Map(keys.map((key) => [key.kid, key]));
  return { trust, findKey: (kid) => byId.get(kid) };
}

function parseJson(text: string, context: z.RefinementCtx): unknown {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'is not JSON' });
    return z.NEVER;
  }
}
