import * as z from 'zod';

/**
 * What changes every few seconds about an inference service: it goes to the hub only, lives as long as it says, and
 * rides on the answers to polls. What is absent is not known; it is never zero.
 */
export const signal = z.object({
  /** `namespace/name` of the entry of `providers` that it is about. */
  provider: z.string().max(400),
  /** Replicas that can answer. */
  ready: z.int().nonnegative(),
  desired: z.int().nonnegative().optional(),
  /** It has no replicas, and makes one when it is called: the first answer takes long. */
  cold: z.boolean().optional(),
  /** What each replica computes on, such as `nvidia.com/gpu`, and how many of it. */
  accelerator: z.object({ kind: z.string().max(128), count: z.int().positive() }).optional(),
  /** Requests that wait, of all replicas together. */
  waiting: z.number().nonnegative().optional(),
  /** Share of the key-value cache in use, the mean over replicas: 0 to 1. */
  cacheUse: z.number().min(0).max(1).optional(),
});

/** PUT by an agent: replaces all signals of its cluster. */
export const signalReport = z.object({
  /** For how long they hold, in milliseconds. */
  ttlMs: z.int().positive().max(60_000),
  signals: z.array(signal).max(1_000),
});

export type Signal = z.infer<typeof signal>;
export type SignalReport = z.infer<typeof signalReport>;
