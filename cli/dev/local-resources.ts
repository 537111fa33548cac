import { parseResource, type Resource } from '../../crds/parse-resource.ts';
import { SECRET_ID_KEY, SIGNING_KEY } from '../../sync-agent/render-keys.ts';
import type { ResourceOf } from '../../sync-agent/snapshot.ts';
import type { EdgeKeys } from '../edge-keys.ts';

/** The real provider, joined where the environment holds a key for it. */
export interface OpenAIAccess {
  readonly apiKey: string;
  /** Such as https://api.openai.com/v1 */
  readonly baseURL: string;
  readonly model: string;
}

interface Name {
  readonly namespace: string;
  readonly name: string;
}

const API_VERSION = 'fairlead.dev/v1alpha1';

/**
 * The EdgeGateway of a folder that has none: it allows everything that a local run may need. It stands where the
 * folder's routes look for one: under the name that they refer to, else in their namespace.
 */
export function localGateway(resources: readonly Resource[], keys: EdgeKeys): ResourceOf<'EdgeGateway'> {
  const { kid, publicKey } = keys.sealing;
  return made('EdgeGateway', API_VERSION, gatewayName(resources), {
    spec: {
      clusterName: 'local',
      endpoint: 'http://127.0.0.1:8787',
      signingKeySecretRef: { name: 'fairlead-local-keys' },
      sealingKeys: [{ kid, publicKey }],
      allowed: [
        {
          name: 'everything-local',
          namespaces: { type: 'All' },
          anonymous: true,
          privateAddresses: true,
          plainText: true,
        },
      ],
    },
  });
}

function gatewayName(resources: readonly Resource[]): Name {
  const attaching = resources
    .filter((resource) => resource.kind === 'GatewayRoute' || resource.kind === 'Consumer')
    .toSorted((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
  for (const { metadata, spec } of attaching) {
    const parent = spec.parentRefs?.[0];
    if (parent !== undefined) return { namespace: parent.namespace || metadata.namespace, name: parent.name };
  }
  return { namespace: attaching[0]?.metadata.namespace ?? 'default', name: 'local' };
}

/** Routes before consumers, then by name. */
function orderOf({ kind, metadata }: Resource): string {
  return `${kind === 'GatewayRoute' ? 0 : 1}/${metadata.namespace}/${metadata.name}`;
}

export function signingSecret(name: Name, { signing, secretIdKey }: EdgeKeys): ResourceOf<'Secret'> {
  const values = { [SIGNING_KEY]: JSON.stringify(signing.privateJwk), [SECRET_ID_KEY]: secretIdKey };
  return made('Secret', 'v1', name, { data: inBase64(values) });
}

/** Provider, model, route and key, beside the EdgeGateway so that they attach to it. */
export function openAIResources(gateway: ResourceOf<'EdgeGateway'>, access: OpenAIAccess): Resource[] {
  const { namespace, name } = gateway.metadata;
  const own = { namespace, name: 'openai' };
  const hosts = { 'fairlead.dev/hosts': new URL(access.baseURL).host };
  const secretRef = { name: own.name, key: 'api-key' };
  return [
    made('Secret', 'v1', { ...own, annotations: hosts }, { data: inBase64({ 'api-key': access.apiKey }) }),
    made('LLMProvider', API_VERSION, own, {
      spec: {
        dialect: 'OpenAI',
        baseURL: access.baseURL.replace(/\/+$/, ''),
        auth: { type: 'APIKey', apiKey: { type: 'SecretRef', secretRef } },
      },
    }),
    made('AIModel', API_VERSION, own, {
      spec: {
        modelName: access.model,
        backends: [{ name: 'openai', type: 'Provider', providerRef: { name: own.name } }],
      },
    }),
    made('GatewayRoute', API_VERSION, own, {
      spec: {
        parentRefs: [{ namespace, name }],
        models: [{ name: own.name }],
        allowedConsumers: { type: 'All' },
      },
    }),
  ];
}

function inBase64(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]));
}

/** A resource as a file of it would be read: checked, with its defaults. */
function made<K extends Resource['kind']>(
  kind: K,
  apiVersion: string,
  metadata: Name & { readonly annotations?: Readonly<Record<string, string>> },
  rest: object,
): Extract<Resource, { kind: K }> {
  const parsed = parseResource({ apiVersion, kind, metadata, ...rest });
  if (parsed.outcome === 'resource' && isOfKind(parsed.resource, kind)) return parsed.resource;
  const issues = parsed.outcome === 'invalid' ? parsed.issues : [];
  const sentences = issues.map(({ path, sentence }) => `${path.join('.')} ${sentence}`);
  throw new TypeError(`${kind} ${metadata.name}: ${sentences.join('; ')}`);
}

function isOfKind<K extends Resource['kind']>(resource: Resource, kind: K): resource is Extract<Resource, { kind: K }> {
  return resource.kind === kind;
}
