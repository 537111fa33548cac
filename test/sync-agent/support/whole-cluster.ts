import { z } from 'zod';
import type { Clock } from '../../../sync-agent/clock.ts';
import type { ApiRequest, KubernetesApi } from '../../../sync-agent/kubernetes/api.ts';
import { resourceKey, type Resource } from '../../../sync-agent/snapshot.ts';
import { resourceAddress } from '../../../sync-agent/status/kubernetes/resource-path.ts';
import { nameOfCall } from '../../support/interrupted-agent.ts';
import { FakeCluster, type FakeObject } from './fake-cluster.ts';
import { FakeKubernetesApi } from './fake-kubernetes-api.ts';

/** Of the server: between two bookmarks of a watch, in milliseconds. */
const BOOKMARKS_MS = 60_000;

const patched = z.object({ status: z.unknown() });

/**
 * An API server in memory that can be watched and written to, and counts what it is asked. It sends bookmarks and ends
 * watches when it is asked to, both by the given clock.
 */
export class WholeCluster implements KubernetesApi {
  readonly namespace = 'fairlead-system';
  readonly kinds = new FakeCluster();
  /** How often it was asked for what: `PUT leases`, `WATCH aimodels`. */
  asked = new Map<string, number>();
  /** Calls that are not answered yet. */
  underWay = 0;
  readonly #written = new FakeKubernetesApi();
  readonly #objects = new Map<string, FakeObject>();
  readonly #clock: Clock;
  readonly #over: AbortSignal;

  constructor(clock: Clock, over: AbortSignal) {
    this.#clock = clock;
    this.#over = over;
    void this.#sendBookmarks();
  }

  put(...resources: readonly Resource[]): void {
    for (const resource of resources) {
      const object: FakeObject = JSON.parse(JSON.stringify(stored(resource)));
      const { path = resourceKey(resource) } = resourceAddress(resourceKey(resource)) ?? {};
      this.#objects.set(path, object);
      this.kinds.put(object);
    }
  }

  async call(request: ApiRequest, signal: AbortSignal): Promise<unknown> {
    this.#count(nameOfCall(request));
    this.underWay += 1;
    try {
      return await this.#answer(request, signal);
    } finally {
      this.underWay -= 1;
    }
  }

  async stream(request: ApiRequest, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    this.#count(nameOfCall(request).replace('GET', 'WATCH'));
    const seconds = Number(request.query?.['timeoutSeconds']);
    const over = AbortSignal.any([signal, this.#over]);
    this.#clock.wait(seconds * 1000, over).then(
      () => this.kinds.endWatches(`${request.path}?`),
      () => undefined,
    );
    return this.kinds.stream(request, signal);
  }

  close(): Promise<void> {
    return this.kinds.close();
  }

  async #answer(request: ApiRequest, signal: AbortSignal): Promise<unknown> {
    const { method, path, body } = request;
    const object = this.#objects.get(path.replace(/\/status$/, ''));
    if (object && method === 'PATCH') {
      const next = { ...object, status: patched.parse(body).status };
      this.#objects.set(path.replace(/\/status$/, ''), next);
      this.kinds.put(next);
      return next;
    }
    if (object) return { ...object, metadata: { ...object.metadata, resourceVersion: '1' } };
    const isRead = method === 'GET' && !path.includes('/leases');
    return isRead ? this.kinds.call(request, signal) : this.#written.call(request, signal);
  }

  async #sendBookmarks(): Promise<void> {
    try {
      for (;;) {
        await this.#clock.wait(BOOKMARKS_MS, this.#over);
        this.kinds.bookmark();
      }
    } catch (error) {
      if (!this.#over.aborted) throw error;
    }
  }

  #count(name: string): void {
    this.asked.set(name, (this.asked.get(name) ?? 0) + 1);
  }
}

/** As the API server has it: it turns what a Secret has in the clear into base64. */
function stored(resource: Resource): unknown {
  if (resource.kind !== 'Secret') return resource;
  const { stringData, ...rest } = resource;
  const entries = Object.entries(stringData).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
  return { ...rest, data: Object.fromEntries(entries) };
}
