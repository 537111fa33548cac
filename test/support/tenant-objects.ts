import { sha256 } from './resource-files.ts';

/** Objects of several namespaces, as kubectl takes them. */

export type Fields = Readonly<Record<string, unknown>>;

export interface Allowance {
  readonly allowed: object;
}

/** Stands among what is granted for a further entry of `spec.allowed`. */
export function allowMore(allowed: object): Allowance {
  return { allowed };
}

export function isAllowance(granted: object): granted is Allowance {
  return 'allowed' in granted;
}

export function names(team: string, name = team): Fields {
  return { name, namespaces: { type: 'Names', names: [team] } };
}

export function resource(kind: string, namespace: string, name: string, spec: Fields): object {
  return { apiVersion: 'fairlead.dev/v1alpha1', kind, metadata: { name, namespace }, spec };
}

export function provider(namespace: string, name: string, spec: Fields): object {
  return resource('LLMProvider', namespace, name, { dialect: 'OpenAI', ...spec });
}

export function keyOf(secret: string): Fields {
  return { auth: { type: 'APIKey', apiKey: { type: 'SecretRef', secretRef: { name: secret, key: 'key' } } } };
}

export function model(namespace: string, name: string, modelName: string, backend: Fields): object {
  const upstream = backend['type'] === 'Selector' ? {} : { model: 'llama' };
  return resource('AIModel', namespace, name, { modelName, backends: [{ name: 'only', ...upstream, ...backend }] });
}

export function route(namespace: string, name: string, spec: Fields): object {
  return resource('GatewayRoute', namespace, name, {
    parentRefs: [{ name: 'edge', namespace: 'default' }],
    ...spec,
  });
}

export function consumer(namespace: string, name: string, key: string): object {
  return resource('Consumer', namespace, name, {
    parentRefs: [{ name: 'edge', namespace: 'default' }],
    keys: [{ name: 'main', type: 'SHA256', sha256: sha256(key) }],
  });
}

export function secret(namespace: string, name: string, value: string, hosts: string): object {
  const metadata = { name, namespace, annotations: { 'fairlead.dev/hosts': hosts } };
  return { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { key: value } };
}

export function namespace(name: string): object {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

export function grant(
  name: string,
  namespace: string,
  { from, to }: { readonly from: readonly [string, string]; readonly to: readonly [string, string, string?] },
): object {
  const [group, kind, only] = to;
  return {
    apiVersion: 'gateway.networking.k8s.io/v1beta1',
    kind: 'ReferenceGrant',
    metadata: { name, namespace },
    spec: {
      from: [{ group: 'fairlead.dev', kind: from[0], namespace: from[1] }],
      to: [{ group, kind, ...(only !== undefined && { name: only }) }],
    },
  };
}

/** Of the Gateway API, as far as it matters here. */
export const grantKind = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: {
    name: 'referencegrants.gateway.networking.k8s.io',
    annotations: { 'api-approved.kubernetes.io': 'https://github.com/kubernetes-sigs/gateway-api/pull/4530' },
  },
  spec: {
    group: 'gateway.networking.k8s.io',
    scope: 'Namespaced',
    names: { kind: 'ReferenceGrant', plural: 'referencegrants', singular: 'referencegrant' },
    versions: [
      {
        name: 'v1beta1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        },
      },
    ],
  },
};
