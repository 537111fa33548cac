import { parse } from 'yaml';
import { parseResource, type Resource } from '../../../crds/parse-resource.ts';
import { resourceKey, type ResourceKey, type ResourceOf, type SnapshotChange } from '../../../sync-agent/snapshot.ts';
import type { Problem, ResourceSource } from '../../../sync-agent/source/source.ts';
import { CLUSTER_UID, sealingKeyFields, signingJwk } from './edge-bench.ts';
import { CLUSTER, EDGE } from './fake-edge.ts';

/** One resource, from YAML. */
export function resource(yaml: string): Resource {
  const parsed = parseResource(parse(yaml));
  if (parsed.outcome !== 'resource') throw new Error(JSON.stringify(parsed));
  return parsed.resource;
}

export function gateway(name = 'edge', endpoint = EDGE): Resource {
  return resource(`
apiVersion: fairlead.dev/v1alpha1
kind: EdgeGateway
metadata: {name: ${name}, namespace: ai}
spec:
  clusterName: ${CLUSTER}
  endpoint: ${endpoint}
  publish: {type: Edge}
  signingKeySecretRef: {name: keys}
  sealingKeys: [{kid: ${sealingKeyFields.kid}, publicKey: ${sealingKeyFields.publicKey}}]
`);
}

/** The same with more in its spec, and annotations. */
export function gatewayWith(
  spec: Partial<ResourceOf<'EdgeGateway'>['spec']>,
  annotations: Readonly<Record<string, string>> = {},
  name = 'edge',
): Resource {
  const { apiVersion, kind, metadata, spec: usual } = gatewayOf(gateway(name));
  return resource(
    JSON.stringify({
      apiVersion,
      kind,
      metadata: { ...metadata, annotations },
      spec: { ...usual, ...spec },
    }),
  );
}

function gatewayOf(found: Resource): ResourceOf<'EdgeGateway'> {
  if (found.kind !== 'EdgeGateway') throw new TypeError(`${found.kind} is no EdgeGateway`);
  return found;
}

export function keysSecret(jwk = signingJwk): Resource {
  return resource(
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'keys', namespace: 'ai' },
      stringData: { 'signing-key': jwk, 'secret-id-key': Buffer.alloc(32, 7).toString('base64url') },
    }),
  );
}

export function route(name: string, model: string): Resource {
  return resource(`
apiVersion: fairlead.dev/v1alpha1
kind: GatewayRoute
metadata: {name: ${name}, namespace: ai}
spec:
  parentRefs: [{name: edge}]
  models: [{name: ${model}}]
`);
}

export function model(name: string, weight = 1): Resource {
  return resource(`
apiVersion: fairlead.dev/v1alpha1
kind: AIModel
metadata: {name: ${name}, namespace: ai}
spec:
  modelName: ${name}
  backends: [{name: main, type: Provider, providerRef: {name: openai}, weight: ${weight}}]
`);
}

export function provider(baseURL = 'https://api.openai.com/v1'): Resource {
  return resource(`
apiVersion: fairlead.dev/v1alpha1
kind: LLMProvider
metadata: {name: openai, namespace: ai}
spec:
  dialect: OpenAI
  baseURL: ${baseURL}
  auth: {type: APIKey, apiKey: {type: SecretRef, secretRef: {name: openai, key: api-key}}}
`);
}

export function providerSecret(value = 'sk-upstream'): Resource {
  return resource(`
apiVersion: v1
kind: Secret
metadata: {name: openai, namespace: ai, annotations: {fairlead.dev/hosts: api.openai.com}}
stringData: {api-key: ${value}}
`);
}

export function consumer(name: string, ...digests: string[]): Resource {
  const keys = digests.map((digest, i) => `{name: k${i}, type: SHA256, sha256: ${digest.repeat(64)}}`);
  return resource(`
apiVersion: fairlead.dev/v1alpha1
kind: Consumer
metadata: {name: ${name}, namespace: ai}
spec:
  parentRefs: [{name: edge}]
  keys: [${keys.join(', ')}]
`);
}

/** A small table that works. */
export function smallTable(): Resource[] {
  return [
    gateway(),
    keysSecret(),
    provider(),
    providerSecret(),
    model('small'),
    route('chat', 'small'),
    consumer('ann', 'a'),
  ];
}

/** Resources in memory, told of by `set` and `remove`. */
export class MemorySource implements ResourceSource {
  readonly #resources = new Map<ResourceKey, Resource>();
  #changes: SnapshotChange[] = [];
  #onChange: () => void = () => undefined;
  problems: readonly Problem[] = [];
  closed = false;
  observed = 0;

  constructor(resources: readonly Resource[] = []) {
    this.set(...resources);
  }

  set(...resources: readonly Resource[]): void {
    for (const resource of resources) {
      this.#resources.set(resourceKey(resource), resource);
      this.#changes.push({ type: 'Set', resource });
    }
    this.#onChange();
  }

  remove(...keys: readonly ResourceKey[]): void {
    for (const key of keys) {
      this.#resources.delete(key);
      this.#changes.push({ type: 'Delete', key });
    }
    this.#onChange();
  }

  nudge(): void {
    this.#onChange();
  }

  open: ResourceSource['open'] = async (onChange) => {
    this.#onChange = onChange;
    return {
      clusterUid: CLUSTER_UID,
      observe: async () => {
        this.observed += 1;
        const changes = this.#changes;
        this.#changes = [];
        return { changes, problems: this.problems };
      },
      close: async () => {
        this.closed = true;
      },
    };
  };
}
