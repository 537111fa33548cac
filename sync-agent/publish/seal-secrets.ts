import { canonicalJson } from '../../contract/canonical-json.ts';
import type { SecretEntry } from '../../contract/routing-table.ts';
import { sealedFor, sealSecret, type SealingKey, type SecretBinding } from '../../contract/sealed-secret.ts';
import type { Blob, SecretToSeal } from '../compile/compilation.ts';
import { Section } from '../compile/section.ts';

export interface SealingContext {
  /** Origin of the edge that may open what is sealed. */
  readonly edge: string;
  readonly cluster: string;
  readonly sealingKey: SealingKey;
}

/** Sealed values that nothing names are kept up to this many, for a change that is taken back. */
const SPARE = 1000;

/**
 * Keeps the section `secrets`. A secret is sealed once for each id, because sealing again would give other bytes and
 * so a new revision for nothing; what was sealed in an earlier life is read back from the edge (`learn`).
 */
export class SecretSealer {
  readonly #context: SealingContext;
  readonly #section = new Section('secrets');
  readonly #sealed = new Map<string, string>();
  #inSection: ReadonlySet<string> = new Set();

  constructor(context: SealingContext) {
    this.#context = context;
  }

  /** @param entries of a section that we signed ourselves */
  learn(entries: Readonly<Record<string, SecretEntry>>): void {
    for (const [id, { sealed }] of Object.entries(entries)) if (!this.#sealed.has(id)) this.#sealed.set(id, sealed);
  }

  /** The buckets of the section that holds exactly these secrets. */
  async seal(secrets: readonly SecretToSeal[]): Promise<readonly Blob[]> {
    const sealed = await Promise.all(secrets.map(async (secret) => [secret.id, await this.#sealOnce(secret)] as const));
    const wanted = new Set(sealed.map(([id]) => id));
    for (const id of this.#inSection) if (!wanted.has(id)) this.#section.remove(id);
    for (const [id, value] of sealed)
      if (!this.#inSection.has(id) || this.#sealed.get(id) !== value)
        this.#section.put({ id, json: canonicalJson({ sealed: value }) });
    for (const [id, value] of sealed) this.#sealed.set(id, value);
    this.#inSection = wanted;
    this.#forgetSpares();
    return this.#section.blobs();
  }

  /** Secrets by id that need not be in the section; one that comes into it later is not sealed again. */
  async sealApart(secrets: readonly SecretToSeal[]): Promise<Record<string, SecretEntry>> {
    const entries: Record<string, SecretEntry> = {};
    for (const secret of secrets) {
      const value = await this.#sealOnce(secret);
      if (!this.#inSection.has(secret.id)) this.#sealed.set(secret.id, value);
      entries[secret.id] = { sealed: value };
    }
    this.#forgetSpares();
    return entries;
  }

  #sealOnce(secret: SecretToSeal): string | Promise<string> {
    const { edge, cluster, sealingKey } = this.#context;
    const binding: SecretBinding = { edge, cluster, provider: secret.provider, origins: [...secret.origins] };
    const known = this.#sealed.get(secret.id);
    if (known !== undefined && isSealedFor(known, binding, sealingKey.kid)) return known;
    return sealSecret(secret.value, binding, sealingKey);
  }

  #forgetSpares(): void {
    for (const id of this.#sealed.keys()) {
      if (this.#sealed.size <= this.#inSection.size + SPARE) return;
      if (!this.#inSection.has(id)) this.#sealed.delete(id);
    }
  }
}

function isSealedFor(sealed: string, binding: SecretBinding, kid: string): boolean {
  try {
    const found = sealedFor(sealed);
    return found.kid === kid && canonicalJson(found.binding) === canonicalJson(binding);
  } catch {
    return false;
  }
}
