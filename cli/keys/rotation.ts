/**
 * How keys are rotated, as a function of the files alone: what each step asks of the edge, and what it writes, stands
 * in run-rotate.ts.
 *
 * | phase     | signing                                     | sealing                                             | what ends it                                                        |
 * |-----------|---------------------------------------------|-----------------------------------------------------|---------------------------------------------------------------------|
 * | idle      | one key                                     | one key                                             | a rotation begins                                                   |
 * | announced | the worker's file lists the next key too    | the worker's file holds the next private key too    | the edge accepts the next signing key: it has been given the file   |
 * | switched  | the next one signs, the old one still may   | secrets are sealed to the next, the old still opens | the edge needs the old one no more                                  |
 */
export type Phase = 'idle' | 'announced' | 'switched';
export type Part = 'signing' | 'sealing';

export interface PublicSealingKey {
  readonly kid: string;
  /** X25519, 32 bytes, base64url. */
  readonly publicKey: string;
}

/** What the files of a keys folder say of keys, by their ids. */
export interface KeyFacts {
  /** The key of signing-key.yaml. */
  readonly signing: string;
  /** Our cluster's verifying keys of worker-secrets.json, in order. */
  readonly trusted: readonly string[];
  /** spec.sealingKeys of edge-gateway.yaml, in order: the first is used. */
  readonly sealing: readonly [PublicSealingKey, ...PublicSealingKey[]];
  /** The private keys of worker-secrets.json. */
  readonly opened: readonly string[];
  /** What signing-key.next.yaml holds, where it is there. */
  readonly next: { readonly signing: string; readonly sealing: PublicSealingKey | undefined } | undefined;
}

export function phasesOf(facts: KeyFacts): Record<Part, Phase> {
  return { signing: signingPhase(facts), sealing: sealingPhase(facts) };
}

function signingPhase({ signing, trusted, next }: KeyFacts): Phase {
  if (next && next.signing !== signing && trusted.includes(next.signing)) return 'announced';
  return trusted.some((kid) => kid !== signing) ? 'switched' : 'idle';
}

function sealingPhase({ sealing, opened, next }: KeyFacts): Phase {
  const [used, ...others] = sealing;
  if (next?.sealing && next.sealing.kid !== used.kid && opened.includes(next.sealing.kid)) return 'announced';
  return others.length > 0 ? 'switched' : 'idle';
}

export type Step =
  | { readonly type: 'Begin'; readonly parts: readonly Part[] }
  | { readonly type: 'Switch'; readonly parts: readonly Part[] }
  | { readonly type: 'Retire'; readonly parts: readonly Part[] }
  /** The sealing key cannot be announced while the signing key is between two: only a new one shows that it arrived. */
  | { readonly type: 'FinishSigningFirst' };

/** What comes next for the parts that are asked for: what was begun is ended before anything is begun anew. */
export function nextStep(facts: KeyFacts, parts: readonly Part[]): Step {
  const phases = phasesOf(facts);
  const inPhase = (phase: Phase) => parts.filter((part) => phases[part] === phase);
  const announced = inPhase('announced');
  if (announced.length > 0) return { type: 'Switch', parts: announced };
  const switched = inPhase('switched');
  if (switched.length > 0) return { type: 'Retire', parts: switched };
  if (parts.includes('sealing') && phases.signing === 'switched') return { type: 'FinishSigningFirst' };
  return { type: 'Begin', parts };
}

/** What no set of files that belong together says. A sentence, or undefined where all is well. */
export function contradictionIn({ signing, trusted, sealing, opened }: KeyFacts): string | undefined {
  if (!trusted.includes(signing))
    return `signing-key.yaml holds the key ${signing}, and worker-secrets.json does not list it for the cluster: they are not of one set`;
  const closed = sealing.find(({ kid }, index) => index === 0 && !opened.includes(kid));
  if (closed)
    return `edge-gateway.yaml has secrets sealed to the key ${closed.kid}, and worker-secrets.json does not hold it: they are not of one set`;
  return undefined;
}
