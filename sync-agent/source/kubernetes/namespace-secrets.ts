import type { Secret } from '../../../crds/secret.ts';
import type { Clock } from '../../clock.ts';
import { isForbidden, type KubernetesApi } from '../../kubernetes/api.ts';
import type { ApiObject } from './api-object.ts';
import { Endings } from './endings.ts';
import type { ReflectedStore, ReflectorState } from './reflector.ts';
import { startReflector, type RunningReflector } from './running-reflector.ts';

export interface SecretReading {
  readonly api: KubernetesApi;
  /** The part of it that is kept, checked; undefined where it is no Secret that can be used. */
  readonly project: (object: ApiObject) => Secret | undefined;
  readonly set: (name: string, secret: Secret) => void;
  readonly remove: (name: string) => void;
  /** What is known of some of them, or why it is not, may be another. */
  readonly onChange: () => void;
  readonly clock: Clock;
  readonly random: () => number;
}

/**
 * | standing | means                                                                     |
 * |----------|---------------------------------------------------------------------------|
 * | Unknown  | it has not been asked for yet, or the server has not answered             |
 * | Known    | it is read and watched, or is known not to be there                       |
 * | Denied   | it may not be read, and never was                                         |
 * | Revoked  | it was read once, and may not be read any more                            |
 */
export type SecretStanding = 'Unknown' | 'Known' | 'Denied' | 'Revoked';

/** Of no use to us, and large. */
const NEITHER_RELEASES = 'type!=helm.sh/release.v1';
/** A watch of the whole namespace is nicer than one of each Secret, but not needed. */
const WHOLE_AGAIN_MS = 300_000;

/**
 * The Secrets of a namespace that are named by somebody: by one watch of the namespace where that is allowed, else by
 * one of each. A right that is granted later is made use of without a restart.
 */
export class NamespaceSecrets {
  readonly #namespace: string;
  readonly #options: SecretReading;
  #wanted: ReadonlySet<string> = new Set();
  /** Those that have been read, or were found not to be there. */
  readonly #known = new Set<string>();
  /** Those that may not be read by themselves; they stay so until they can be. */
  readonly #refused = new Set<string>();
  #isWholeRefused = false;
  readonly #byName = new Map<string, RunningReflector>();
  #whole: { readonly reflector: RunningReflector; readonly names: ReadonlySet<string> } | undefined;
  readonly #endings = new Endings();

  constructor(namespace: string, options: SecretReading) {
    this.#namespace = namespace;
    this.#options = options;
  }

  /** Reads these and no others. */
  want(names: ReadonlySet<string>): void {
    for (const name of this.#wanted) if (!names.has(name)) this.#forget(name);
    this.#wanted = names;
    const watched = this.#whole?.names;
    if (names.size === 0) this.#stopWhole();
    else if (!watched || (this.#hasWhole() && ![...names].every((name) => watched.has(name)))) this.#startWhole();
    else if (this.#isWholeRefused) this.#startByName();
  }

  standingOf(name: string): SecretStanding {
    if (this.#isWholeRefused && this.#refused.has(name)) return this.#known.has(name) ? 'Revoked' : 'Denied';
    return this.#known.has(name) ? 'Known' : 'Unknown';
  }

  /** What keeps them from being read, beside lacking rights. */
  failure(): Error | undefined {
    const states = [this.#whole?.reflector, ...this.#byName.values()].map((reflector) => reflector?.state);
    const [failing] = states.filter((state) => state?.type === 'Failing' && !isRefused(state) && state.attempts > 3);
    return failing?.type === 'Failing' ? failing.failure : undefined;
  }

  async stop(): Promise<void> {
    this.#stopWhole();
    this.#stopByName();
    await this.#endings.settled();
  }

  #hasWhole(): boolean {
    return this.#whole?.reflector.state?.type === 'Watching';
  }

  /** Anew for each name that is added: of the others nothing was kept. */
  #startWhole(): void {
    this.#stopWhole();
    const names = this.#wanted;
    const reflector: RunningReflector = startReflector<Secret>({
      ...this.#options,
      collection: { path: this.#path(), fieldSelector: NEITHER_RELEASES },
      project: (object) => (this.#wanted.has(object.metadata.name) ? this.#options.project(object) : undefined),
      store: this.#storeOf(names),
      onState: (state) => this.#followWhole(reflector, state),
      forbiddenPauseMs: WHOLE_AGAIN_MS,
    });
    this.#whole = { reflector, names };
  }

  #followWhole(reflector: RunningReflector, state: ReflectorState): void {
    if (state.type === 'Watching' && reflector.hasSynced) {
      this.#isWholeRefused = false;
      this.#stopByName();
      // Names may have been added while it was listed.
      this.want(this.#wanted);
    } else if (isRefused(state)) {
      this.#isWholeRefused = true;
      this.#startByName();
    }
    this.#options.onChange();
  }

  #startByName(): void {
    for (const name of this.#wanted) {
      if (this.#byName.has(name)) continue;
      const reflector = startReflector<Secret>({
        ...this.#options,
        collection: { path: this.#path(), fieldSelector: `metadata.name=${name}` },
        store: this.#storeOf(new Set([name])),
        onState: (state) => {
          if (state.type === 'Watching') this.#refused.delete(name);
          else if (isRefused(state)) this.#refused.add(name);
          this.#options.onChange();
        },
      });
      this.#byName.set(name, reflector);
    }
  }

  /** @param names those that are gone where a list does not have them */
  #storeOf(names: ReadonlySet<string>): ReflectedStore<Secret> {
    const put = (id: string, secret: Secret | undefined): void => {
      const name = id.slice(id.indexOf('/') + 1);
      if (!this.#wanted.has(name)) return;
      this.#known.add(name);
      if (secret) this.#options.set(name, secret);
      else this.#options.remove(name);
    };
    return {
      replace: (objects) => {
        for (const name of names) put(`/${name}`, objects.get(`${this.#namespace}/${name}`));
      },
      set: put,
      remove: (id) => put(id, undefined),
    };
  }

  #forget(name: string): void {
    const reflector = this.#byName.get(name);
    this.#byName.delete(name);
    if (reflector) this.#endings.add(reflector.stop());
    this.#refused.delete(name);
    this.#known.delete(name);
    this.#options.remove(name);
  }

  #stopWhole(): void {
    const { reflector } = this.#whole ?? {};
    this.#whole = undefined;
    if (reflector) this.#endings.add(reflector.stop());
  }

  #stopByName(): void {
    for (const reflector of this.#byName.values()) this.#endings.add(reflector.stop());
    this.#byName.clear();
    this.#refused.clear();
  }

  #path(): string {
    return `/api/v1/namespaces/${this.#namespace}/secrets`;
  }
}

function isRefused(state: ReflectorState | undefined): boolean {
  return state?.type === 'Failing' && isForbidden(state.failure);
}
