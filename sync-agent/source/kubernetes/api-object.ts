import { z } from 'zod';

/** What every object of the API server has. Everything else is as stored, and unchecked. */
export const apiObject = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    uid: z.string().default(''),
    resourceVersion: z.string().default(''),
    generation: z.number().default(0),
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
    deletionTimestamp: z.string().nullish(),
  }),
});

export type ApiObject = z.output<typeof apiObject>;

/** `namespace/name`; of an object without namespace `/name`. */
export type ObjectId = string;

export function objectId({ metadata }: Pick<ApiObject, 'metadata'>): ObjectId {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}
