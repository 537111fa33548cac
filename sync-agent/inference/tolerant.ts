import { z } from 'zod';

/**
 * Other projects' objects change without us. What is not of the expected form reads as absent, and never spoils what
 * stands beside it.
 */
export const text = z.string().optional().catch(undefined);
export const flag = z.boolean().optional().catch(undefined);
/** As Kubernetes counts, and as many as anybody has of anything: sums of them, and a status, must hold them. */
const MOST = 1_000_000;
export const count = z.int().nonnegative().max(MOST).optional().catch(undefined);
export const texts = z.record(z.string(), z.string()).catch({});

/** An object of which only some fields are read; absent where it is none. */
export function part<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.object(shape).optional().catch(undefined);
}

/** The elements that are of the expected form, of the first `most`. */
export function listOf<Schema extends z.ZodType>(schema: Schema, most: number) {
  return z
    .array(z.unknown())
    .catch([])
    .transform((items): z.output<Schema>[] =>
      items.slice(0, most).flatMap((item) => {
        const parsed = schema.safeParse(item);
        return parsed.success ? [parsed.data] : [];
      }),
    );
}
