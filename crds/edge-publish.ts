import { z } from 'zod';
import { secretKeyReference } from './references.ts';
import { cloudflareId, redisOrigin } from './text.ts';
import { unionOf } from './union.ts';

const cloudflareKV = z.strictObject({
  accountId: cloudflareId.describe('The Cloudflare account that the namespace belongs to.'),
  namespaceId: cloudflareId.describe('The KV namespace, which the worker must have bound as `TABLE_KV`.'),
  apiTokenSecretRef: secretKeyReference('an API token that may write to the namespace').describe(
    'The Secret with the API token, whose permission is Workers KV Storage: Edit.',
  ),
});

const upstashRedis = z.strictObject({
  url: redisOrigin.describe(
    'The REST endpoint of the database. The worker must have the same as `UPSTASH_REDIS_REST_URL`.',
  ),
  tokenSecretRef: secretKeyReference('the REST token').describe('The Secret with the REST token of the database.'),
});

/** How a routing table reaches its edge. */
export const edgePublish = unionOf(
  z.strictObject({
    type: z
      .enum(['Edge', 'CloudflareKV', 'UpstashRedis'])
      .describe(
        'Edge: over HTTPS to the publish endpoints of the edge itself. CloudflareKV and UpstashRedis: into an inbox, from which the edge fetches it, also when it could not be reached meanwhile.',
      ),
    cloudflareKV: cloudflareKV.describe("The inbox in Cloudflare's KV, for type CloudflareKV.").optional(),
    upstashRedis: upstashRedis.describe('The inbox in a Redis of Upstash, for type UpstashRedis.').optional(),
  }),
  { Edge: null, CloudflareKV: 'cloudflareKV', UpstashRedis: 'upstashRedis' },
);
