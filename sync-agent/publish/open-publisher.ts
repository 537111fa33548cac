import { importSealingPublicKey, type SealingKey } from '../../contract/sealed-secret.ts';
import type { Generation } from '../../contract/routing-table.ts';
import type { Clock } from '../clock.ts';
import type { PublishTarget } from '../compile/compilation.ts';
import type { Logger } from '../log.ts';
import { createRetrying } from './backoff.ts';
import { createCloudflareKvStore } from './cloudflare-kv.ts';
import { createEdgeClient } from './edge-client.ts';
import { createEdgePublisher, type PublisherParts } from './edge-publisher.ts';
import { createInboxPublisher } from './inbox-publisher.ts';
import { PublishFailure } from './publish-failure.ts';
import type { Publisher } from './publisher.ts';
import { SecretSealer } from './seal-secrets.ts';
import { readSigningIdentity } from './signing-identity.ts';
import { createUpstashRedisStore } from './upstash-redis.ts';

export interface PublisherSurroundings {
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly clusterUid: string;
}

/** Far more than a blob of 64 KB needs; a dead edge is given up by then. */
const CALL_TIMEOUT_MS = 10_000;

/** A request to a store carries many blobs at once. */
const STORE_TIMEOUT_MS = 60_000;

/** The publisher that a target asks for. @throws {PublishFailure} where its keys or addresses cannot be used */
export async function openPublisher(
  target: PublishTarget,
  floor: Generation | null,
  surroundings: PublisherSurroundings,
): Promise<Publisher> {
  const { endpoint, cluster, way } = target;
  const { fetch, clock } = surroundings;
  const identity = await readSigningIdentity(target.signingKey);
  const sealer = new SecretSealer({ edge: endpoint, cluster, sealingKey: await readSealingKey(target) });
  const signingKey = identity.signing;
  const client = createEdgeClient({ endpoint, cluster, signingKey, fetch, clock, timeoutMs: CALL_TIMEOUT_MS });
  const parts: PublisherParts = { ...surroundings, client, identity, sealer, floor };
  const http = { fetch, clock, timeoutMs: STORE_TIMEOUT_MS, retrying: createRetrying(surroundings) };
  switch (way.type) {
    case 'Edge':
      return createEdgePublisher(parts);
    case 'CloudflareKV':
      return createInboxPublisher({ ...parts, cluster, store: createCloudflareKvStore({ ...way, ...http }) });
    case 'UpstashRedis': {
      const store = createUpstashRedisStore({ ...way, ...http, edge: endpoint });
      return createInboxPublisher({ ...parts, cluster, store });
    }
  }
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
