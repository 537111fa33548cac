import type { z } from 'zod';
import { inferenceGroups } from '../../crds/inference-references.ts';
import type { kinds, Kind } from '../../crds/kinds.ts';
import { parseResource, type Resource } from '../../crds/parse-resource.ts';

/** Resources as a test needs them: what it does not say is filled in so that everything works. */

export interface Meta {
  readonly name?: string;
  readonly namespace?: string;
  /** Of a day in January 2026. */
  readonly day?: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

type Spec<K extends Kind> = Partial<z.input<(typeof kinds)[K]['spec']>>;

export const EDGE = 'infra/edge';
export const ENDPOINT = 'https://ai.example.com';
export const SECRET_ID_KEY = 'c2VjcmV0LWlkLWtleS1vZi0zMi1ieXRlcy4uLi4uLi4';
export const SIGNING_JWK = JSON.stringify({
  kty: 'OKP',
  crv: 'Ed25519',
  kid: 'signing-1',
  x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
  d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
});
const SEALING_KEY = { kid: 'sealing-1', publicKey: '3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08' };

export function edgeGateway(spec: Spec<'EdgeGateway'> = {}, meta: Meta = {}): Resource {
  return made(
    'EdgeGateway',
    { namespace: 'infra', name: 'edge', ...meta },
    {
      clusterName: 'main',
      endpoint: ENDPOINT,
      signingKeySecretRef: { name: 'edge-keys' },
      sealingKeys: [SEALING_KEY],
      allowed: [{ name: 'all', namespaces: { type: 'All' } }],
      ...spec,
    },
  );
}

export function edgeKeys(data: Readonly<Record<string, string>> = {}, meta: Meta = {}): Resource {
  const keys = { 'signing-key': SIGNING_JWK, 'secret-id-key': SECRET_ID_KEY, ...data };
  return secret(keys, { namespace: 'infra', name: 'edge-keys', ...meta });
}

/** Attached to infra/edge, leading to the model `chat`. */
export function route(spec: Spec<'GatewayRoute'> = {}, meta: Meta = {}): Resource {
  return made(
    'GatewayRoute',
    { name: 'route', ...meta },
    {
      parentRefs: [{ name: 'edge', namespace: 'infra' }],
      models: [{ name: 'model' }],
      ...spec,
    },
  );
}

export function model(spec: Spec<'AIModel'> = {}, meta: Meta = {}): Resource {
  return made(
    'AIModel',
    { name: 'model', ...meta },
    {
      modelName: 'chat',
      backends: [{ name: 'main', type: 'Provider', providerRef: { name: 'provider' } }],
      ...spec,
    },
  );
}

export function backend(provider: string, more: { name?: string; namespace?: string; weight?: number } = {}) {
  const { name = provider, namespace = '', ...rest } = more;
  return { name, type: 'Provider' as const, providerRef: { name: provider, namespace }, ...rest };
}

export function provider(spec: Spec<'LLMProvider'> = {}, meta: Meta = {}): Resource {
  return made(
    'LLMProvider',
    { name: 'provider', ...meta },
    {
      dialect: 'OpenAI',
      baseURL: 'https://api.example.com/v1',
      ...spec,
    },
  );
}

export function consumer(spec: Spec<'Consumer'> = {}, meta: Meta = {}): Resource {
  return made(
    'Consumer',
    { name: 'consumer', ...meta },
    {
      parentRefs: [{ name: 'edge', namespace: 'infra' }],
      keys: [{ name: 'first', type: 'SHA256', sha256: 'a'.repeat(64) }],
      ...spec,
    },
  );
}

export function secret(values: Readonly<Record<string, string>>, meta: Meta = {}): Resource {
  const data = Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
  return parsed({ apiVersion: 'v1', kind: 'Secret', metadata: metadataOf(meta), data: Object.fromEntries(data) });
}

/** Lets `from` of a namespace refer to `to` of the grant's namespace. */
export function grant(
  from: [kind: string, namespace: string],
  to: [kind: string, name?: string | undefined],
  meta: Meta,
): Resource {
  const [toKind, toName] = to;
  const group = 'fairlead.dev';
  const toGroup = new Map<string, string>(Object.entries(inferenceGroups)).get(toKind) ?? group;
  return parsed({
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'ReferenceGrant',
    metadata: metadataOf({ name: 'grant', ...meta }),
    spec: {
      from: [{ group, kind: from[0], namespace: from[1] }],
      to: [{ group: toGroup, kind: toKind, ...(toName === undefined ? {} : { name: toName }) }],
    },
  });
}

function made(kind: Kind, meta: Meta, spec: unknown): Resource {
  return parsed({ apiVersion: 'fairlead.dev/v1alpha1', kind, metadata: metadataOf(meta), spec });
}

function metadataOf({ name = 'it', namespace = 'team', day = 1, annotations = {} }: Meta) {
  return { name, namespace, annotations, creationTimestamp: `2026-01-${String(day).padStart(2, '0')}T00:00:00Z` };
}

function parsed(object: unknown): Resource {
  const result = parseResource(object);
  if (result.outcome !== 'resource') throw new Error(JSON.stringify(result));
  return result.resource;
}
