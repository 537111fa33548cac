import type { z } from 'zod';
import { aiModelKind } from './ai-model.ts';
import { consumerKind } from './consumer.ts';
import { edgeGatewayKind } from './edge-gateway.ts';
import { gatewayRouteKind } from './gateway-route.ts';
import type { KindDefinition } from './kind-definition.ts';
import { llmProviderKind } from './llm-provider.ts';

export type Kind = 'EdgeGateway' | 'GatewayRoute' | 'AIModel' | 'LLMProvider' | 'Consumer';

/** Every kind of the group, in the order in which people meet them. */
export const kinds = {
  EdgeGateway: edgeGatewayKind,
  GatewayRoute: gatewayRouteKind,
  AIModel: aiModelKind,
  LLMProvider: llmProviderKind,
  Consumer: consumerKind,
} as const satisfies { [Name in Kind]: KindDefinition<Name> };

export function isKind(name: string): name is Kind {
  return Object.hasOwn(kinds, name);
}

export type ResourceOf<Name extends Kind> = z.output<(typeof kinds)[Name]['schema']>;
