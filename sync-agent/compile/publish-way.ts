import type { ResourceOf } from '../snapshot.ts';
import type { PublishWay } from './compilation.ts';
import type { Step } from './engine.ts';
import type { Facts } from './facts.ts';
import { findSecretText, type Found, type SecretKeyRef } from './secrets.ts';

/**
 * How the table of an EdgeGateway reaches the edge, with the token that this takes. Like the signing key, it comes from
 * the namespace of the EdgeGateway, whose owner is who says where it is sent.
 */
export function readWay(
  step: Step,
  facts: Facts,
  { metadata, spec: { publish } }: ResourceOf<'EdgeGateway'>,
): Found<PublishWay> {
  const token = (ref: SecretKeyRef, field: string, what: string): Found<string> => {
    const found = findSecretText(step, facts, metadata.namespace, ref);
    if (!found.problem || found.problem.reason === 'SecretAccessDenied') return found;
    const message =
      `${found.problem.message} spec.publish.${field} names it: put ${what} there, ` +
      'or choose another spec.publish.type.';
    return { problem: { type: 'ResolvedRefs', reason: 'SecretNotFound', message } };
  };
  switch (publish.type) {
    case 'Edge':
      return { value: { type: 'Edge' } };
    case 'CloudflareKV': {
      const { accountId, namespaceId, apiTokenSecretRef } = publish.cloudflareKV;
      const found = token(
        apiTokenSecretRef,
        'cloudflareKV.apiTokenSecretRef',
        'an API token of Cloudflare with the permission Workers KV Storage: Edit',
      );
      if (found.problem) return found;
      return { value: { type: 'CloudflareKV', accountId, namespaceId, apiToken: found.value } };
    }
    case 'UpstashRedis': {
      const { url, tokenSecretRef } = publish.upstashRedis;
      const found = token(tokenSecretRef, 'upstashRedis.tokenSecretRef', 'the REST token of the database');
      return found.problem ? found : { value: { type: 'UpstashRedis', url, token: found.value } };
    }
  }
}
