import { importSealingPublicKey, type SealingKey } from '../../contract/sealed-secret.ts';
import type { Generation } from '../../contract/routing-table.ts';
import type { Clock } from '../clock.ts';
import type { PublishTarget } from '../compile/compilation.ts';
import type { Logger } from '../log.ts';
import { createEdgeClient } from './edge-client.ts';
import { createEdgePublisher } from './edge-publisher.ts';
import { PublishFailure } from './publish-failure.ts';
import type { Publisher } from './publisher.ts';
import { SecretSealer } from './seal-secrets.ts';
import { readSigningIdentity } from './signing-identity.ts';

export interface PublisherSurroundings {
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly clusterUid: string;
}

/** Far more than a blob of 64 KB needs; a dead edge is given up by then. */
const CALL_TIMEOUT_MS = 10_000;

/** The publisher that a target asks for. @throws {PublishFailure} where its keys cannot be used */
export async function openPublisher(
  target: PublishTarget,
  floor: Generation | null,
  { fetch, clock, random, logger, clusterUid }: PublisherSurroundings,
): Promise<Publisher> {
  const { endpoint, cluster } = target;
  const identity = await readSigningIdentity(target.signingKey);
  const sealingKey = await readSealingKey(target);
  return createEdgePublisher({
    client: createEdgeClient({
      endpoint,
      cluster,
      signingKey: identity.signing,
      fetch,
      clock,
      timeoutMs: CALL_TIMEOUT_MS,
    }),
    clusterUid,
    identity,
    sealer: new SecretSealer({ edge: endpoint, cluster, sealingKey }),
    floor,
    clock,
    random,
    logger,
  });
}

async function readSealingKey({ sealingKey: { kid, publicKey } }: PublishTarget): Promise<SealingKey> {
  try {
    return await importSealingPublicKey(kid, publicKey);
  } catch (error) {
    throw new PublishFailure(
      'unusable-key',
      `the sealing key ${kid} is not an X25519 public key: make one with \`fairlead keygen\``,
      { cause: error },
    );
  }
}
