import type { Kind } from '../../../crds/kinds.ts';
import type { ResourceId, ResourceKey } from '../../snapshot.ts';
import type { StatusFields, WantedStatus } from './compare-status.ts';
import type { StatusFacts } from './status-facts.ts';
import { EDGE_COUNTS, EDGE_FIELDS, edgeGatewayFields } from './status-of-edge-gateway.ts';
import { MODEL_COUNTS, MODEL_FIELDS, modelFields } from './status-of-model.ts';
import { statusOfResource, type StatusInput } from './status-of-resource.ts';

export interface WantedInput extends Omit<StatusInput, 'word'> {
  readonly key: ResourceKey;
  /** `namespace/name`, where it is an EdgeGateway. */
  readonly edge: ResourceId;
  readonly facts: StatusFacts;
}

const NO_FIELDS: StatusFields = { own: [], counts: [] };

export function fieldsOf(kind: Kind): StatusFields {
  switch (kind) {
    case 'EdgeGateway':
      return { own: EDGE_FIELDS, counts: EDGE_COUNTS };
    case 'AIModel':
      return { own: MODEL_FIELDS, counts: MODEL_COUNTS };
    case 'GatewayRoute':
    case 'LLMProvider':
    case 'Consumer':
      return NO_FIELDS;
  }
}

/** The whole status of a resource of any kind. */
export function wantedStatus(input: WantedInput): WantedStatus {
  const { kind, key, facts, stored, now, edge } = input;
  const { conditions, parents } = statusOfResource({ ...input, word: facts.about(key) });
  switch (kind) {
    case 'EdgeGateway':
      return { conditions, parents: undefined, fields: edgeGatewayFields(facts.edge(edge), stored) };
    case 'AIModel':
      return { conditions, parents, fields: modelFields(facts.services(key), stored, now) };
    case 'GatewayRoute':
    case 'LLMProvider':
    case 'Consumer':
      return { conditions, parents, fields: {} };
  }
}
