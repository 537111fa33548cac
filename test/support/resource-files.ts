import { createHash } from 'node:crypto';
import { stringify } from 'yaml';

/** Resources as files hold them, with what tests usually want. */

interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

function resource(kind: string, metadata: Metadata, spec: object): string {
  return stringify({
    apiVersion: 'fairlead.dev/v1alpha1',
    kind,
    metadata: { namespace: 'default', ...metadata },
    spec,
  });
}

export function documents(...texts: readonly string[]): string {
  return texts.join('---\n');
}

interface EdgeGatewayFields extends Readonly<Record<string, unknown>> {
  readonly endpoint: string;
  readonly clusterName: string;
  readonly sealingKeys: readonly { readonly kid: string; readonly publicKey: string }[];
  /** Of the worker, that providers may be reached through. */
  readonly bindings?: readonly string[];
}

/** @param keys name of the Secret with its keys */
export function edgeGateway(spec: EdgeGatewayFields, { name = 'edge', keys = 'edge-signing-key' } = {}): string {
  const { bindings = [], ...rest } = spec;
  return resource(
    'EdgeGateway',
    { name },
    {
      ...rest,
      signingKeySecretRef: { name: keys },
      allowed: [
        {
          name: 'local',
          namespaces: { type: 'All' },
          anonymous: true,
          privateAddresses: true,
          plainText: true,
          ...(bindings.length > 0 && { bindings }),
        },
      ],
    },
  );
}

export function provider(name: string, spec: { readonly baseURL: string } & Readonly<Record<string, unknown>>): string {
  return resource('LLMProvider', { name }, { dialect: 'OpenAI', ...spec });
}

export interface BackendFields {
  readonly name?: string;
  readonly provider: string;
  /** The model's name at the provider. */
  readonly model?: string;
  readonly priority?: number;
  readonly weight?: number;
}

export function model(name: string, ...backends: readonly BackendFields[]): string {
  return resource(
    'AIModel',
    { name },
    {
      modelName: name,
      capabilities: ['Chat', 'Completions', 'Embeddings'],
      backends: backends.map(({ name: backend, provider: providerName, ...fields }) => ({
        name: backend ?? providerName,
        type: 'Provider',
        providerRef: { name: providerName },
        ...fields,
      })),
    },
  );
}

export function route(name: string, models: readonly string[], spec: Readonly<Record<string, unknown>> = {}): string {
  return resource(
    'GatewayRoute',
    { name },
    {
      models: models.map((modelName) => ({ name: modelName })),
      ...spec,
    },
  );
}

export function consumer(name: string, key: string, spec: Readonly<Record<string, unknown>> = {}): string {
  return resource('Consumer', { name }, { keys: [{ name: 'main', type: 'SHA256', sha256: sha256(key) }], ...spec });
}

export function secret(name: string, hosts: string, stringData: Readonly<Record<string, string>>): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'default', annotations: { 'fairlead.dev/hosts': hosts } },
    stringData,
  });
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
