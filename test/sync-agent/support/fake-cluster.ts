import { abortReason } from '../../../sync-agent/clock.ts';
import { ApiFailure, type ApiRequest, type KubernetesApi } from '../../../sync-agent/kubernetes/api.ts';

export interface FakeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [more: string]: unknown };
  readonly [more: string]: unknown;
}

interface Kind {
  readonly groupVersion: string;
  readonly plural: string;
  readonly kind: string;
  verbs: readonly string[];
}

interface Watcher {
  readonly url: URL;
  push(event: unknown): void;
  end(error?: Error): void;
}

const ALL_VERBS = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];

/** A small API server in memory: lists, watches and discovery, of the kinds that it is told to serve. */
export class FakeCluster implements KubernetesApi {
  readonly namespace = 'default';
  /** Path and query of all requests, in order. */
  readonly requests: string[] = [];
  readonly #kinds: Kind[] = [];
  readonly #objects = new Map<string, FakeObject>();
  readonly #watchers = new Set<Watcher>();
  readonly #history: { readonly version: number; readonly type: string; readonly object: FakeObject }[] = [];
  readonly #failures = new Map<string, number>();
  /** Names of CustomResourceDefinitions that are being deleted. */
  readonly leaving = new Set<string>();
  #version = 100;

  /** How many watches are open, of all whose URL contains `part`. */
  watches(part = ''): number {
    return [...this.#watchers].filter(({ url }) => url.href.includes(part)).length;
  }

  /** @param name as `aimodels.fairlead.dev/v1alpha1/AIModel` */
  serve(...names: readonly string[]): void {
    for (const name of names) {
      const [qualified = '', version = '', kind = ''] = name.split('/');
      const dot = qualified.indexOf('.');
      const groupVersion = dot < 0 ? version : `${qualified.slice(dot + 1)}/${version}`;
      this.#kinds.push({ groupVersion, plural: dot < 0 ? qualified : qualified.slice(0, dot), kind, verbs: ALL_VERBS });
    }
  }

  /** Takes a kind away as the deletion of its definition does at its end: watches end in order. */
  unserve(plural: string): void {
    const kinds = this.#kinds.filter((kind) => kind.plural !== plural);
    this.#kinds.splice(0, this.#kinds.length, ...kinds);
    for (const [key, object] of this.#objects) if (this.#pluralOf(object) === undefined) this.#objects.delete(key);
    this.endWatches(`/${plural}?`);
  }

  /** What a kind may be done with, as discovery tells. */
  offer(plural: string, verbs: readonly string[]): void {
    for (const kind of this.#kinds) if (kind.plural === plural) kind.verbs = verbs;
  }

  put(...objects: readonly FakeObject[]): void {
    for (const object of objects) {
      const key = keyOf(object);
      const before = this.#objects.get(key);
      const stored = this.#stamped(object, before);
      this.#objects.set(key, stored);
      this.#tell(before ? 'MODIFIED' : 'ADDED', stored);
    }
  }

  delete(...objects: readonly FakeObject[]): void {
    for (const object of objects) {
      const before = this.#objects.get(keyOf(object));
      if (!before) continue;
      this.#objects.delete(keyOf(object));
      this.#tell('DELETED', this.#stamped(before, before));
    }
  }

  /** Requests whose path and query contain `part` fail, until {@link heal}. */
  fail(part: string, status: number): void {
    this.#failures.set(part, status);
  }

  heal(part: string): void {
    this.#failures.delete(part);
  }

  /** Says to all who watch up to where they have seen everything. */
  bookmark(): void {
    const object = { metadata: { resourceVersion: String(this.#version) } };
    for (const watcher of this.#watchers) watcher.push({ type: 'BOOKMARK', object });
  }

  /** Ends watches in order, or by an error. */
  endWatches(part: string, error?: Error): void {
    for (const watcher of this.#watchers) if (watcher.url.href.includes(part)) watcher.end(error);
  }

  async call(request: ApiRequest, signal: AbortSignal): Promise<unknown> {
    signal.throwIfAborted();
    const url = this.#admit(request);
    if (url.pathname === '/apis') return { groups: this.#groups() };
    const [, groupVersion = ''] = /^\/apis\/([^/]+\/[^/]+)$/.exec(url.pathname) ?? [];
    if (groupVersion !== '') return this.#resourceList(groupVersion);
    const definition = /customresourcedefinitions\/(.+)$/.exec(url.pathname)?.[1];
    if (definition !== undefined) return this.#definition(definition);
    if (url.pathname.endsWith('/kube-system')) return { metadata: { name: 'kube-system', uid: 'cluster-uid' } };
    return { metadata: { resourceVersion: String(this.#version) }, items: this.#listed(url) };
  }

  async stream(request: ApiRequest, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    signal.throwIfAborted();
    const url = this.#admit(request);
    const listed = this.#listed(url);
    const lines: Uint8Array[] = [];
    let wake = (): void => undefined;
    let ending: { readonly error: Error | undefined } | undefined;
    const watcher: Watcher = {
      url,
      push: (event) => {
        lines.push(Buffer.from(`${JSON.stringify(event)}\n`));
        wake();
      },
      end: (error) => {
        ending = { error };
        this.#watchers.delete(watcher);
        wake();
      },
    };
    this.#watchers.add(watcher);
    signal.addEventListener('abort', () => watcher.end(abortReason(signal)), { once: true });
    if (url.searchParams.get('sendInitialEvents') === 'true') {
      for (const object of listed) watcher.push({ type: 'ADDED', object });
      const metadata = { resourceVersion: String(this.#version), annotations: { 'k8s.io/initial-events-end': 'true' } };
      watcher.push({ type: 'BOOKMARK', object: { metadata } });
    }
    const since = Number(url.searchParams.get('resourceVersion') ?? Number.POSITIVE_INFINITY);
    for (const { version, type, object } of this.#history)
      if (version > since && this.#matches(url, object)) watcher.push({ type, object });
    async function* iterate(): AsyncGenerator<Uint8Array> {
      for (;;) {
        const line = lines.shift();
        if (line) yield line;
        else if (ending?.error) throw ending.error;
        else if (ending) return;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    }
    return iterate();
  }

  async close(): Promise<void> {
    for (const watcher of this.#watchers) watcher.end();
  }

  #admit({ path, query = {} }: ApiRequest): URL {
    const url = new URL(`https://cluster${path}`);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, String(value));
    const text = decodeURIComponent(url.pathname + url.search);
    this.requests.push(text);
    for (const [part, status] of this.#failures)
      if (text.includes(part)) throw new ApiFailure(`GET ${path}: answered ${status}`, { status });
    return url;
  }

  #listed(url: URL): readonly FakeObject[] {
    if (!this.#kinds.some((kind) => pathPattern(kind).test(url.pathname)))
      throw new ApiFailure('the server could not find the requested resource', { status: 404, reason: 'NotFound' });
    return [...this.#objects.values()].filter((object) => this.#matches(url, object));
  }

  #matches(url: URL, object: FakeObject): boolean {
    const kind = this.#kinds.find(
      (kind) => kind.plural === this.#pluralOf(object) && pathPattern(kind).test(url.pathname),
    );
    if (!kind) return false;
    const namespace = /\/namespaces\/([^/]+)\//.exec(url.pathname)?.[1];
    if (namespace !== undefined && object.metadata.namespace !== namespace) return false;
    const name = /metadata\.name=([^,]+)/.exec(url.searchParams.get('fieldSelector') ?? '')?.[1];
    return name === undefined || object.metadata.name === name;
  }

  #pluralOf({ kind }: FakeObject): string | undefined {
    return this.#kinds.find((known) => known.kind === kind)?.plural;
  }

  #stamped(object: FakeObject, before: FakeObject | undefined): FakeObject {
    const uid = before?.metadata['uid'] ?? `uid-${this.#version}`;
    const metadata = { uid, generation: 1, ...object.metadata, resourceVersion: String(++this.#version) };
    return { ...object, metadata };
  }

  #tell(type: string, object: FakeObject): void {
    this.#history.push({ version: this.#version, type, object });
    for (const watcher of this.#watchers) if (this.#matches(watcher.url, object)) watcher.push({ type, object });
  }

  #groups() {
    const served = this.#kinds.map(({ groupVersion }) => groupVersion.split('/')).filter(({ length }) => length === 2);
    const groups = Map.groupBy(served, ([group]) => group);
    return [...groups].map(([name, all]) => ({ name, versions: all.map(([, version]) => ({ version })) }));
  }

  #resourceList(wanted: string) {
    const kinds = this.#kinds.filter(({ groupVersion }) => groupVersion === wanted);
    return { resources: kinds.map(({ plural, verbs }) => ({ name: plural, verbs })) };
  }

  #definition(name: string) {
    if (!this.#kinds.some(({ plural, groupVersion }) => name === `${plural}.${groupVersion.split('/')[0]}`))
      throw new ApiFailure(`${name} not found`, { status: 404 });
    const deletionTimestamp = this.leaving.has(name) ? '2026-11-01T00:00:00Z' : undefined;
    return { metadata: { name, deletionTimestamp } };
  }
}

function keyOf({ kind, metadata }: FakeObject): string {
  return `${kind}/${metadata.namespace ?? ''}/${metadata.name}`;
}

function pathPattern({ groupVersion, plural }: Kind): RegExp {
  const root = groupVersion.includes('/') ? `/apis/${groupVersion}` : `/api/${groupVersion}`;
  return new RegExp(`^${root}/(namespaces/[^/]+/)?${plural}$`);
}
