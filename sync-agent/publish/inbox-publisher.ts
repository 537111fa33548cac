import { createRetrying } from './backoff.ts';
import { EdgeConversation } from './edge-conversation.ts';
import type { PublisherParts } from './edge-publisher.ts';
import { createInboxCarrier, type InboxStore } from './inbox-carrier.ts';
import type { Publisher } from './publisher.ts';
import { createTablePublisher } from './table-publisher.ts';

export interface InboxPublisherParts extends PublisherParts {
  readonly store: InboxStore;
  readonly cluster: string;
}

/** Leaves tables in a store from which the hub fetches them; everything else is asked of the edge itself. */
export function createInboxPublisher(parts: InboxPublisherParts): Publisher {
  const retrying = createRetrying(parts);
  const conversation = new EdgeConversation({ ...parts, retrying });
  return createTablePublisher({ ...parts, conversation, carrier: createInboxCarrier({ ...parts, retrying }) });
}
