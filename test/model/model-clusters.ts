import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import type { ClusterTrust } from '../../contract/cluster-trust.ts';
import { importSigningKey, type KeyWithId } from '../../contract/revision.ts';
import type { TrustedCluster } from '../../worker/table/table-settings.ts';

export const EDGE = 'https://edge.example.com';

/** In the order in which the edge lists them. */
export const CLUSTERS = ['alpha', 'beta'] as const;
export type ClusterName = (typeof CLUSTERS)[number];

export interface ClusterKey {
  readonly kid: string;
  readonly x: string;
  readonly signing: KeyWithId;
  readonly verifying: KeyWithId;
}

/** Keys that are the same in every run, so that every name that is made of a signature is too. */
async function keyOf(owner: string, kid: string): Promise<ClusterKey> {
  const seed = createHash('sha256').update(`${owner}/${kid}`).digest();
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  const { x = '' } = createPublicKey(createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })).export({
    format: 'jwk',
  });
  const publicJwk = { kty: 'OKP', crv: 'Ed25519', kid, x };
  return {
    kid,
    x,
    signing: await importSigningKey({ ...publicJwk, d: seed.toString('base64url'), ext: true }),
    verifying: await importSigningKey(publicJwk),
  };
}

/** A cluster's keys take turns: each is the successor of the one before it. */
const KEYS_IN_TURN = 3;
const KEYS: Readonly<Record<ClusterName, readonly ClusterKey[]>> = {
  alpha: await Promise.all(Array.from({ length: KEYS_IN_TURN }, (_, i) => keyOf('alpha', `key-${i}`))),
  beta: await Promise.all(Array.from({ length: KEYS_IN_TURN }, (_, i) => keyOf('beta', `key-${i}`))),
};

/** A key of nobody whom the edge knows, under a name that it does. */
export const STRANGER = await keyOf('stranger', 'key-0');

export function keyInTurn(cluster: ClusterName, turn: number): ClusterKey {
  const key = KEYS[cluster][turn % KEYS_IN_TURN];
  if (!key) throw new Error(`${cluster} has no keys`);
  return key;
}

export function uidOf(cluster: ClusterName): string {
  return `uid-of-${cluster}`;
}

/** What the edge is configured with of one cluster: the keys of these turns, one or two. */
export function trustIn(cluster: ClusterName, turns: readonly number[]): TrustedCluster {
  const keys = turns.map((turn) => keyInTurn(cluster, turn));
  const trust: ClusterTrust = {
    name: cluster,
    verifyingKeys: keys.map(({ kid, x }) => ({ kty: 'OKP', crv: 'Ed25519', kid, x })),
    hostnames: ['*'],
    models: ['*'],
  };
  return { trust, findKey: (kid) => keys.find((key) => key.kid === kid)?.verifying };
}
