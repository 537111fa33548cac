import { claimMatches, type RequestPlace } from '../../worker/pipeline/match-route.ts';
import { admits, mayUse, type Refuse } from '../../worker/pipeline/plan-request.ts';
import type { ServedConsumer, ServedTable } from '../../worker/table/served-table.ts';

export interface RefusedRequest extends RequestPlace {
  readonly model: string;
  readonly consumer: ServedConsumer | undefined;
}

/**
 * What the caller is not told: a refusal says the same of a model that does not exist and of one that is somebody
 * else's. Whoever has the resources may know.
 */
export function whyRefused(table: ServedTable, { code, detail }: Refuse, request: RefusedRequest): string | undefined {
  const { model, consumer } = request;
  const claims = table.claimsOn(model);
  if (claims.length === 0)
    return `no route that ships to this edge leads to a model named ${model}${servedNames(table)}`;
  const claim = claims.find((candidate) => claimMatches(candidate, request));
  if (claim === undefined) return `routes lead to ${model}, but none of them matches this request`;
  const { route, id } = claim;
  if (consumer === undefined)
    return code === 'invalid_api_key' ? `the route ${id} asks for the key of a consumer` : undefined;
  if (!admits(claim, consumer))
    return `the route ${id} admits consumers of ${namespaces(route.consumers)}, and this one is ${consumer.id}`;
  const entry = table.of(claim.cluster).model(route.models[model] ?? '');
  if (entry !== undefined && !mayUse(consumer, model, entry))
    return `spec.allowedModels of ${consumer.id} is ${consumer.allowedModels?.join(', ') ?? 'empty'}`;
  return detail;
}

function namespaces(consumers: '*' | readonly string[]): string {
  if (consumers === '*') return 'every namespace';
  return consumers.length === 0 ? 'no namespace' : `the namespace ${consumers.join(', ')}`;
}

function servedNames(table: ServedTable): string {
  const names = [...new Set(table.claims().flatMap(({ route }) => Object.keys(route.models)))].toSorted();
  if (names.length === 0) return ', nor to any other';
  const shown = names.slice(0, 10).join(', ');
  return `; they lead to ${shown}${names.length > 10 ? ` and ${names.length - 10} more` : ''}`;
}
