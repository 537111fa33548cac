import { z } from 'zod';
import { objectMeta } from './object-meta.ts';

const base64 = /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** A Secret of Kubernetes (core/v1). The API server checks it; this is what a file of it must hold. */
export const secret = z.strictObject({
  apiVersion: z.literal('v1'),
  kind: z.literal('Secret'),
  metadata: objectMeta,
  type: z.string().optional(),
  immutable: z.boolean().optional(),
  data: z
    .record(
      z.string(),
      z.string().refine((value) => base64.test(value.replaceAll(/[\r\n]/g, '')), {
        error: 'must be base64; a value in the clear belongs into stringData',
      }),
    )
    .default({}),
  stringData: z.record(z.string(), z.string()).default({}),
});

export type Secret = z.output<typeof secret>;

/** The annotation by which a Secret's owner releases it, and to which hosts. */
export const hostsAnnotation = 'fairlead.dev/hosts';

/** The bytes under a key, as the API server would store them: `stringData` goes before `data`. */
export function secretValue(from: Secret, key: string): Uint8Array | undefined {
  const clear = Object.hasOwn(from.stringData, key) ? from.stringData[key] : undefined;
  if (clear !== undefined) return new TextEncoder().encode(clear);
  const encoded = Object.hasOwn(from.data, key) ? from.data[key] : undefined;
  return encoded === undefined ? undefined : Uint8Array.from(Buffer.from(encoded, 'base64'));
}
