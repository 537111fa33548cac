import { unknownFeatures } from '../../contract/features.ts';
import { openSecret, type SealingKey } from '../../contract/sealed-secret.ts';
import type { Credential } from '../../contract/routing-table.ts';
import { UntrustedDocument } from '../../contract/revision.ts';
import type { Candidate } from '../pipeline/list-candidates.ts';
import { targetOf } from './target.ts';

export interface CredentialSources {
  /** Origin of this edge. */
  readonly edge: string;
  readonly findKey: (kid: string) => SealingKey | undefined;
  /** A secret of the worker itself. */
  readonly workerSecret: (name: string) => string | undefined;
}

/** Who a secret is for, and the table in which it stands: it may be sent to the provider of its own cluster only. */
export interface Recipient extends Pick<Candidate, 'providerId' | 'provider'> {
  readonly home: Pick<Candidate['home'], 'cluster' | 'secret'>;
}

/** Why a credential cannot be had or must not be sent; for the operator, without the credential. */
export class CredentialFault extends Error {
  override name = 'CredentialFault';
}

interface Opened {
  readonly sealed: string;
  readonly value: string;
  readonly binding: {
    readonly edge: string;
    readonly cluster: string;
    readonly provider: string;
    readonly origins: readonly string[];
  };
}

/** The gateway's own keys are nobody's credentials, whatever a table says. */
const OWN_SECRETS = /^(?:FAIRLEAD|UPSTASH)_/;

/** How many secrets an isolate keeps open. */
const KEPT_OPEN = 1024;

/**
 * Opens what providers need. Opening costs a tenth of a millisecond, so what was opened is kept in the isolate; that
 * it is bound to this edge, cluster, provider and origin is checked at each use.
 */
export class Credentials {
  readonly #sources: CredentialSources;
  readonly #opened = new Map<string, Opened>();

  constructor(sources: CredentialSources) {
    this.#sources = sources;
  }

  /** @throws {CredentialFault} */
  value(credential: Credential, recipient: Recipient): string | Promise<string> {
    switch (credential.type) {
      case 'WorkerSecret':
        return this.#workerSecret(credential.name);
      case 'Sealed':
        return this.#sealed(credential.id, recipient);
    }
  }

  #workerSecret(name: string): string {
    const value = OWN_SECRETS.test(name) ? undefined : this.#sources.workerSecret(name);
    if (!value) throw new CredentialFault(`the worker has no secret ${name}: run \`wrangler secret put ${name}\``);
    return value;
  }

  #sealed(id: string, recipient: Recipient): string | Promise<string> {
    const entry = recipient.home.secret(id);
    if (!entry) throw new CredentialFault('its sealed secret is not in the table');
    const unknown = unknownFeatures(entry);
    if (unknown.length > 0)
      throw new CredentialFault(
        `its sealed secret requires ${unknown.join(', ')}, which this worker does not know: deploy a newer one`,
      );
    const known = this.#opened.get(id);
    if (known?.sealed === entry.sealed) return this.#checked(known, recipient);
    return this.#open(id, entry.sealed).then((opened) => this.#checked(opened, recipient));
  }

  /** Each request opens for itself until one has: a promise shared among requests would die with its starter. */
  async #open(id: string, sealed: string): Promise<Opened> {
    try {
      const opened = { sealed, ...(await openSecret(sealed, this.#sources.findKey)) };
      if (this.#opened.size >= KEPT_OPEN) this.#opened.clear();
      this.#opened.set(id, opened);
      return opened;
    } catch (error) {
      if (error instanceof UntrustedDocument)
        throw new CredentialFault(`its sealed secret cannot be opened: ${error.message}`);
      throw error;
    }
  }

  #checked({ value, binding }: Opened, { providerId, provider, home }: Recipient): string {
    const { edge } = this.#sources;
    if (binding.edge !== edge) throw new CredentialFault(`its secret is sealed for the edge ${binding.edge}`);
    if (binding.cluster !== home.cluster)
      throw new CredentialFault(`its secret is sealed by the cluster ${binding.cluster}`);
    if (binding.provider !== providerId)
      throw new CredentialFault(`its secret is sealed for the provider ${binding.provider}`);
    const { origin } = targetOf(provider);
    if (!binding.origins.includes(origin)) throw new CredentialFault(`its secret may not be sent to ${origin}`);
    return value;
  }
}
