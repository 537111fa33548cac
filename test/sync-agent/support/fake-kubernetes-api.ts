import type { Json } from '../../../contract/canonical-json.ts';
import { ApiFailure, type ApiRequest, type KubernetesApi } from '../../../sync-agent/kubernetes/api.ts';

export interface StoredBody {
  metadata: { name: string; namespace?: string; resourceVersion: string; generation?: number; [more: string]: unknown };
  [more: string]: unknown;
}

/**
 * As much of an API server as writers need: objects by path, resource versions, and patches that replace what they
 * name. What only the real one knows (schemas, ownership of fields, rights) is tested against the real one.
 */
export class FakeKubernetesApi implements KubernetesApi {
  readonly namespace = 'fairlead-system';
  readonly objects = new Map<string, StoredBody>();
  readonly requests: ApiRequest[] = [];
  /** What becomes of a request in place of being carried out. */
  mishap: (request: ApiRequest) => ApiFailure | Promise<unknown> | undefined = () => undefined;
  /** After it was carried out: its answer is lost. */
  isAnswerLost: (request: ApiRequest) => boolean = () => false;
  #version = 0;

  async call(request: ApiRequest, signal: AbortSignal): Promise<unknown> {
    signal.throwIfAborted();
    this.requests.push(request);
    const mishap = this.mishap(request);
    if (mishap instanceof ApiFailure) throw mishap;
    await mishap;
    signal.throwIfAborted();
    const answer = this.#carryOut(request);
    if (this.isAnswerLost(request)) throw new ApiFailure('the answer was lost', { status: 0 });
    return structuredClone(answer);
  }

  stream(): Promise<AsyncIterable<Uint8Array>> {
    throw new Error('nothing is watched here');
  }

  async close(): Promise<void> {
    /* Nothing is open. */
  }

  /** Puts an object there as somebody else would. */
  put(
    path: string,
    object: Omit<StoredBody, 'metadata'> & { metadata: Record<string, unknown> & { name: string } },
  ): StoredBody {
    const stored: StoredBody = { ...object, metadata: { ...object.metadata, resourceVersion: this.#next() } };
    this.objects.set(path, stored);
    return stored;
  }

  of(method: ApiRequest['method']): ApiRequest[] {
    return this.requests.filter((request) => request.method === method);
  }

  #next(): string {
    return String(++this.#version);
  }

  #carryOut({ method, path, body }: ApiRequest): StoredBody | undefined {
    const given = isObject(body) ? body : {};
    const objectPath = path.replace(/\/status$/, '');
    const found = this.objects.get(objectPath);
    switch (method) {
      case 'POST':
        return this.#create(path, given);
      case 'GET':
        return found ?? missing(path);
      case 'PUT':
        if (!found) return missing(path);
        this.#compareVersion(given, found);
        return this.put(objectPath, { ...given, metadata: { ...found.metadata } });
      case 'PATCH': {
        if (!found) return missing(path);
        this.#compareVersion(given, found);
        const { metadata = {}, ...rest } = given;
        const more = isObject(metadata) ? metadata : {};
        return this.put(objectPath, { ...found, ...rest, metadata: { ...found.metadata, ...more } });
      }
      case 'DELETE':
        this.objects.delete(objectPath);
        return undefined;
    }
  }

  #create(path: string, given: Readonly<Record<string, Json>>): StoredBody {
    const metadata = isObject(given['metadata']) ? given['metadata'] : {};
    const name = typeof metadata['name'] === 'string' ? metadata['name'] : '';
    const place = `${path}/${name}`;
    if (this.objects.has(place))
      throw new ApiFailure(`${name} already exists`, { status: 409, reason: 'AlreadyExists' });
    return this.put(place, { ...given, metadata: { ...metadata, name } });
  }

  #compareVersion(given: Readonly<Record<string, Json>>, found: StoredBody): void {
    const metadata = isObject(given['metadata']) ? given['metadata'] : {};
    const version = metadata['resourceVersion'];
    if (version !== undefined && version !== found.metadata.resourceVersion)
      throw new ApiFailure('the object has been modified', { status: 409, reason: 'Conflict' });
  }
}

function missing(path: string): never {
  throw new ApiFailure(`${path} not found`, { status: 404, reason: 'NotFound' });
}

function isObject(value: unknown): value is Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
