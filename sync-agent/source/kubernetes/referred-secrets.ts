import type { Secret } from '../../../crds/secret.ts';
import { resourceId, type DeniedSecret, type Resource, type ResourceId } from '../../snapshot.ts';
import type { Problem } from '../source.ts';
import { Endings } from './endings.ts';
import { NamespaceSecrets, type SecretReading } from './namespace-secrets.ts';
import type { PendingChanges } from './pending-changes.ts';
import { readResource } from './read-resource.ts';
import { secretsNamedBy } from './secret-names.ts';

export interface ServiceAccount {
  readonly namespace: string;
  readonly name: string;
  /** The ClusterRole that owners of namespaces bind to it; absent: `fairlead-secret-reader`. */
  readonly secretReader?: string;
}

export interface ReferredSecretsOptions extends Pick<SecretReading, 'api' | 'clock' | 'random'> {
  readonly changes: PendingChanges;
  /** Of the agent, for the command that lets it read. */
  readonly serviceAccount: ServiceAccount;
  /** What is known of Secrets may be another. */
  readonly onChange: () => void;
}

interface Namespace {
  readonly secrets: NamespaceSecrets;
  /** How many resources name each. */
  readonly uses: Map<string, number>;
}

/** The Secrets that resources name, in all namespaces, and those of them that may not be read. */
export class ReferredSecrets {
  readonly #options: ReferredSecretsOptions;
  readonly #namespaces = new Map<string, Namespace>();
  readonly #held = new Map<ResourceId, Secret>();
  readonly #denied = new Set<ResourceId>();
  /** Namespaces whose resources name others than a moment ago. */
  readonly #restless = new Set<string>();
  readonly #endings = new Endings();

  constructor(options: ReferredSecretsOptions) {
    this.#options = options;
  }

  /** A resource is another than it was. @param before undefined: it is new @param now undefined: it is gone */
  follow(before: Resource | undefined, now: Resource | undefined): void {
    // First the new ones: what both name is not forgotten in between.
    if (now) for (const id of secretsNamedBy(now)) this.#count(id, 1);
    if (before) for (const id of secretsNamedBy(before)) this.#count(id, -1);
  }

  /** Whether it is known of all that a resource names what they hold, or that they cannot be had. */
  hasAllOf(resource: Resource): boolean {
    return [...secretsNamedBy(resource)].every((id) => this.#standingOf(id) !== 'Unknown');
  }

  get hasSynced(): boolean {
    return [...this.#ids()].every((id) => this.#standingOf(id) !== 'Unknown');
  }

  *problems(): Generator<Problem> {
    for (const id of this.#ids()) {
      if (this.#standingOf(id) !== 'Revoked') continue;
      const sentence = `Secret ${id} may not be read any more; its last value stays in use. Run: ${this.#commandFor(id)}`;
      yield { severity: 'error', file: `Secret/${id}`, line: 1, column: 1, sentence };
    }
    for (const [namespace, { secrets }] of this.#namespaces) {
      const failure = secrets.failure();
      if (!failure) continue;
      const sentence = `Secrets of namespace ${namespace} cannot be watched: ${failure.message}`;
      yield { severity: 'error', file: `Secret/${namespace}`, line: 1, column: 1, sentence };
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#namespaces.values()].map(({ secrets }) => secrets.stop()));
    await this.#endings.settled();
  }

  #count(id: ResourceId, more: 1 | -1): void {
    const [namespace, name] = partsOf(id);
    const { uses } = this.#namespaceOf(namespace);
    const count = (uses.get(name) ?? 0) + more;
    if (count > 0) uses.set(name, count);
    else uses.delete(name);
    // A list brings many resources at once: their Secrets are asked for together, after it.
    if (this.#restless.size === 0) queueMicrotask(() => this.#settle());
    this.#restless.add(namespace);
  }

  #settle(): void {
    for (const name of this.#restless) {
      const namespace = this.#namespaceOf(name);
      namespace.secrets.want(new Set(namespace.uses.keys()));
      this.#judge(name);
      if (namespace.uses.size > 0) continue;
      this.#namespaces.delete(name);
      this.#endings.add(namespace.secrets.stop());
    }
    this.#restless.clear();
    this.#options.onChange();
  }

  #namespaceOf(namespace: string): Namespace {
    const known = this.#namespaces.get(namespace);
    if (known) return known;
    const { api, clock, random } = this.#options;
    const idOf = (name: string) => resourceId({ namespace, name });
    const secrets = new NamespaceSecrets(namespace, {
      api,
      project: (object) => {
        const { resource } = readResource(object, 'Secret', this.#held.get(idOf(object.metadata.name)));
        return resource?.kind === 'Secret' ? resource : undefined;
      },
      set: (name, secret) => this.#set(idOf(name), secret),
      remove: (name) => this.#remove(idOf(name)),
      onChange: () => {
        this.#judge(namespace);
        this.#options.onChange();
      },
      clock,
      random,
    });
    const made = { secrets, uses: new Map<string, number>() };
    this.#namespaces.set(namespace, made);
    return made;
  }

  #set(id: ResourceId, secret: Secret): void {
    if (this.#held.get(id) === secret) return;
    this.#held.set(id, secret);
    this.#options.changes.set(secret);
  }

  #remove(id: ResourceId): void {
    if (this.#held.delete(id)) this.#options.changes.delete(`Secret/${id}`);
  }

  /** Says which of a namespace may not be read, and which may again. */
  #judge(namespace: string): void {
    const { changes } = this.#options;
    for (const id of this.#denied)
      if (partsOf(id)[0] === namespace && this.#standingOf(id) !== 'Denied') {
        this.#denied.delete(id);
        changes.delete(`DeniedSecret/${id}`);
      }
    for (const name of this.#namespaces.get(namespace)?.uses.keys() ?? []) {
      const id = resourceId({ namespace, name });
      if (this.#denied.has(id) || this.#standingOf(id) !== 'Denied') continue;
      this.#denied.add(id);
      const denied: DeniedSecret = {
        kind: 'DeniedSecret',
        metadata: { namespace, name },
        command: this.#commandFor(id),
      };
      changes.set(denied);
    }
  }

  #standingOf(id: ResourceId): ReturnType<NamespaceSecrets['standingOf']> | undefined {
    const [namespace, name] = partsOf(id);
    const known = this.#namespaces.get(namespace);
    return known?.uses.has(name) ? known.secrets.standingOf(name) : undefined;
  }

  *#ids(): Generator<ResourceId> {
    for (const [namespace, { uses }] of this.#namespaces) for (const name of uses.keys()) yield `${namespace}/${name}`;
  }

  #commandFor(id: ResourceId): string {
    const { namespace, name, secretReader = 'fairlead-secret-reader' } = this.#options.serviceAccount;
    return (
      `kubectl create rolebinding ${secretReader} --clusterrole=${secretReader} ` +
      `--serviceaccount=${namespace}:${name} -n ${partsOf(id)[0]}`
    );
  }
}

function partsOf(id: ResourceId): readonly [namespace: string, name: string] {
  const slash = id.indexOf('/');
  return [id.slice(0, slash), id.slice(slash + 1)];
}
