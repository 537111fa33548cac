import type { Generation } from '../../contract/routing-table.ts';
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import { createRetrying } from './backoff.ts';
import { createEdgeCarrier } from './edge-carrier.ts';
import type { EdgeClient } from './edge-client.ts';
import { EdgeConversation } from './edge-conversation.ts';
import type { Publisher } from './publisher.ts';
import type { SecretSealer } from './seal-secrets.ts';
import type { SigningIdentity } from './signing-identity.ts';
import { createTablePublisher } from './table-publisher.ts';

/** What every publisher is made of. */
export interface PublisherParts {
  readonly client: EdgeClient;
  readonly clusterUid: string;
  readonly identity: SigningIdentity;
  readonly sealer: SecretSealer;
  /** The highest generation that is known of this cluster from elsewhere than the edge. */
  readonly floor: Generation | null;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

/** Pushes tables to the edge itself. */
export function createEdgePublisher(parts: PublisherParts): Publisher {
  const retrying = createRetrying(parts);
  const conversation = new EdgeConversation({ ...parts, retrying });
  return createTablePublisher({ ...parts, conversation, carrier: createEdgeCarrier(parts.client, retrying) });
}
