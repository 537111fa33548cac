import { z } from 'zod';
import { dnsLabel, objectName } from './text.ts';

const ownerReference = z.strictObject({
  apiVersion: z.string(),
  kind: z.string(),
  name: z.string(),
  uid: z.string(),
  controller: z.boolean().optional(),
  blockOwnerDeletion: z.boolean().optional(),
});

/**
 * The metadata of every object. The API server checks it by rules of its own, so the manifests hold nothing of it; a
 * file without a namespace stands in `default`, as with kubectl.
 */
export const objectMeta = z.strictObject({
  name: objectName,
  namespace: dnsLabel.default('default'),
  generateName: z.string().optional(),
  labels: z.record(z.string(), z.string()).default({}),
  annotations: z.record(z.string(), z.string()).default({}),
  uid: z.string().optional(),
  resourceVersion: z.string().optional(),
  generation: z.int().optional(),
  creationTimestamp: z.string().nullish(),
  deletionTimestamp: z.string().nullish(),
  deletionGracePeriodSeconds: z.int().nullish(),
  finalizers: z.array(z.string()).optional(),
  ownerReferences: z.array(ownerReference).optional(),
  managedFields: z.array(z.unknown()).optional(),
  selfLink: z.string().optional(),
});

export type ObjectMeta = z.output<typeof objectMeta>;
