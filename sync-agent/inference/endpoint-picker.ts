import { z } from 'zod';

/** What chooses the pod for each request to an InferencePool: a Service, in the pool's namespace. */
export interface EndpointPicker {
  readonly namespace: string;
  readonly service: string;
  /** Name of the InferencePool. */
  readonly pool: string;
}

const poolWithPicker = z.object({
  kind: z.literal('InferencePool'),
  metadata: z.object({ name: z.string(), namespace: z.string() }),
  spec: z.object({
    endpointPickerRef: z.object({
      group: z.literal('').optional(),
      kind: z.literal('Service').optional(),
      name: z.string().regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/),
    }),
  }),
});

/** Undefined where the object is no pool, or its picker no Service. */
export function endpointPickerOf(raw: unknown): EndpointPicker | undefined {
  const { data } = poolWithPicker.safeParse(raw);
  if (!data) return undefined;
  const { name: pool, namespace } = data.metadata;
  return { namespace, service: data.spec.endpointPickerRef.name, pool };
}
