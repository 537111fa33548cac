import * as z from 'zod';

/**
 * What the worker's configuration says of each cluster that may publish to it (variable FAIRLEAD_CLUSTERS): nobody
 * but its operator decides who may sign what.
 */
export const clusterTrust = z.strictObject({
  name: z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/),
  /** Public Ed25519 JWKs; two at once while keys are rotated. */
  verifyingKeys: z
    .array(
      z.strictObject({
        kty: z.literal('OKP'),
        crv: z.literal('Ed25519'),
        x: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
        kid: z.string().min(1).max(64),
      }),
    )
    .min(1)
    .max(2),
  /** UID of the cluster's namespace kube-system, to adopt a cluster that was created anew; absent: its first pointer pins it. */
  uid: z.string().min(1).max(64).optional(),
  /** Host names that the cluster's routes may serve: exact, `*.suffix`, or `*`. */
  hostnames: z.array(z.string()).default(['*']),
  /** Model names that it may serve: exact, `prefix*`, or `*`. */
  models: z.array(z.string()).default(['*']),
});
/** The order counts: what two clusters claim, the one that is listed earlier serves. */
export const clusterTrustList = z
  .array(clusterTrust)
  .min(1)
  .max(16)
  .refine((list) => allDifferent(list.map(({ name }) => name)), { error: 'two clusters have the same name' })
  // The verifying key determines the cluster.
  .refine((list) => list.every(({ verifyingKeys }) => allDifferent(verifyingKeys.map(({ kid }) => kid))), {
    error: 'two keys of one cluster have the same kid',
  })
  .refine((list) => allDifferent(list.flatMap(({ verifyingKeys }) => verifyingKeys.map(({ x }) => x))), {
    error: 'a verifying key is listed twice',
  });

function allDifferent(values: readonly string[]): boolean {
  return new Set(values).size === values.length;
}

export type ClusterTrust = z.infer<typeof clusterTrust>;
