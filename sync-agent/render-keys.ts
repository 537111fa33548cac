import { stringify } from 'yaml';
import type { ClusterTrust } from '../contract/cluster-trust.ts';
import type { SealingKeyPair, SigningKeyPair } from './keys.ts';

/** Data keys of the Secret that EdgeGateway.spec.signingKeySecretRef names. */
export const SIGNING_KEY = 'signing-key';
export const SECRET_ID_KEY = 'secret-id-key';

export interface ClusterSecret {
  readonly namespace: string;
  readonly name: string;
  readonly signingKey: SigningKeyPair;
  readonly secretIdKey: string;
}

/** The Secret to apply in the cluster, as YAML. */
export function renderClusterSecret({ namespace, name, signingKey, secretIdKey }: ClusterSecret): string {
  return stringify(
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace, name },
      type: 'Opaque',
      stringData: { [SIGNING_KEY]: JSON.stringify(signingKey.privateJwk), [SECRET_ID_KEY]: secretIdKey },
    },
    { lineWidth: 0 },
  );
}

/** The part of EdgeGateway.spec that the public halves go into, as YAML. */
export function renderSealingKeys(keys: readonly SealingKeyPair[]): string {
  return stringify({ sealingKeys: keys.map(({ kid, publicKey }) => ({ kid, publicKey })) }, { lineWidth: 0 });
}

/** The value of the worker's FAIRLEAD_CLUSTERS: one cluster that may serve any host name and model. */
export function workerClusters(clusterName: string, keys: readonly SigningKeyPair[]): string {
  const trust: ClusterTrust = {
    name: clusterName,
    verifyingKeys: keys.map(({ publicJwk }) => publicJwk),
    hostnames: ['*'],
    models: ['*'],
  };
  return JSON.stringify([trust]);
}

/** The value of the worker's secret FAIRLEAD_SEALING_KEYS. */
export function workerSealingKeys(keys: readonly SealingKeyPair[]): string {
  return JSON.stringify({ keys: keys.map(({ privateJwk }) => privateJwk) });
}
