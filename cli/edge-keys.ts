import {
  makeSealingKey,
  makeSecretIdKey,
  makeSigningKey,
  type SealingKeyPair,
  type SigningKeyPair,
} from '../sync-agent/keys.ts';
import { workerClusters, workerSealingKeys } from '../sync-agent/render-keys.ts';

/** All keys of one edge and the one cluster that publishes to it. */
export interface EdgeKeys {
  readonly signing: SigningKeyPair;
  readonly sealing: SealingKeyPair;
  /** 32 bytes, base64url: names secrets without telling anything of them. */
  readonly secretIdKey: string;
}

export async function makeEdgeKeys(): Promise<EdgeKeys> {
  const [signing, sealing] = await Promise.all([makeSigningKey(), makeSealingKey()]);
  return { signing, sealing, secretIdKey: makeSecretIdKey() };
}

/** The worker's half, by the names that wrangler.toml asks for. */
export function workerSecrets(keys: EdgeKeys, clusterName: string, endpoint: string): Record<string, string> {
  return {
    FAIRLEAD_ENDPOINT: endpoint,
    FAIRLEAD_CLUSTERS: workerClusters(clusterName, [keys.signing]),
    FAIRLEAD_SEALING_KEYS: workerSealingKeys([keys.sealing]),
  };
}
