import { z } from 'zod';
import { objectMeta } from './object-meta.ts';

/** The group of the Gateway API, whose ReferenceGrant lets resources of other namespaces refer into its own. */
export const gatewayApiGroup = 'gateway.networking.k8s.io';

export const referenceGrant = z.strictObject({
  apiVersion: z.enum([`${gatewayApiGroup}/v1beta1`, `${gatewayApiGroup}/v1`]),
  kind: z.literal('ReferenceGrant'),
  metadata: objectMeta,
  spec: z.strictObject({
    from: z
      .array(z.strictObject({ group: z.string(), kind: z.string().min(1), namespace: z.string().min(1) }))
      .min(1)
      .max(16),
    to: z
      .array(z.strictObject({ group: z.string(), kind: z.string().min(1), name: z.string().min(1).optional() }))
      .min(1)
      .max(16),
  }),
});

export type ReferenceGrant = z.output<typeof referenceGrant>;
