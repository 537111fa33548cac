import { z } from 'zod';
import { parentedStatus } from './conditions.ts';
import { age, conditionColumn, objectOf, reasonColumn, type KindDefinition } from './kind-definition.ts';
import { secretKeyReference } from './references.ts';
import { rule } from './rule.ts';
import { hostAndPort, upstreamUrl } from './text.ts';
import { timeouts } from './timeouts.ts';
import { transport } from './transport.ts';
import { unionOf } from './union.ts';
import { settableHeaderName, upstreamHeaders } from './upstream-headers.ts';
import { workerSecretName } from './worker-names.ts';

const apiKey = unionOf(
  z.strictObject({
    type: z
      .enum(['SecretRef', 'WorkerSecret'])
      .describe(
        'SecretRef: the key stands in a Secret and travels sealed. WorkerSecret: it stands in a secret of the worker and never passes through the cluster.',
      ),
    secretRef: secretKeyReference('the API key')
      .describe(
        'The Secret, for type SecretRef. Its annotation `fairlead.dev/hosts` must name the host of `baseURL`, such as `fairlead.dev/hosts: api.example.com`.',
      )
      .optional(),
    workerSecret: workerSecretName
      .describe('The worker secret, for type WorkerSecret. The EdgeGateway must grant it by `spec.allowed`.')
      .optional(),
    header: settableHeaderName
      .describe(
        'The header that carries the key, and nothing but the key. Absent: as the dialect has it, which for OpenAI is `authorization: Bearer <key>`.',
      )
      .optional(),
  }),
  { SecretRef: 'secretRef', WorkerSecret: 'workerSecret' },
);

const auth = unionOf(
  z.strictObject({
    type: z.enum(['None', 'APIKey']).describe('None: calls carry no credentials. APIKey: they carry an API key.'),
    apiKey: apiKey.describe('The API key, for type APIKey.').optional(),
  }),
  { None: null, APIKey: 'apiKey' },
);

const spec = z
  .strictObject({
    dialect: z
      .enum(['OpenAI'])
      .describe('The API that the endpoint speaks. OpenAI: that of OpenAI and of everything compatible with it.'),
    baseURL: upstreamUrl.describe(
      'The URL that `/chat/completions` and its kin are appended to, such as `https://api.openai.com/v1`.',
    ),
    auth: auth.describe('The credentials that calls carry.').prefault({ type: 'None' }),
    headers: upstreamHeaders(32)
      .default([])
      .describe("Headers that are set on every call, in place of the client's of the same name."),
    hostHeader: hostAndPort
      .describe(
        'The `Host` that calls carry in place of that of `baseURL`. Only with transport Binding, and right for Workers VPC services only: the edge puts it into the URL that it calls, so that through a Workers VPC network or an mTLS certificate calls would go to this host.',
      )
      .optional(),
    transport: transport('The EdgeGateway must allow it by `spec.allowed`.')
      .describe('The way to the endpoint.')
      .prefault({ type: 'Internet' }),
    timeouts: timeouts((builtIn) => builtIn)
      .describe("How long answers may take, where the route's `timeouts` say nothing.")
      .optional(),
  })
  .check(
    rule({
      holds: (provider) => provider.hostHeader === undefined || provider.transport.type === 'Binding',
      cel: "!has(self.hostHeader) || self.transport.type == 'Binding'",
      sentence: 'can be set with transport Binding only; over the Internet the host of baseURL is used',
      at: 'hostHeader',
    }),
    rule({
      holds: ({ auth: { apiKey: key }, headers }) =>
        key === undefined || !headers.some(({ name }) => name === (key.header ?? 'authorization')),
      cel: "!has(self.auth.apiKey) || !self.headers.exists(header, header.name == (has(self.auth.apiKey.header) ? self.auth.apiKey.header : 'authorization'))",
      sentence: 'must not hold the header that carries the API key',
      at: 'headers',
    }),
  );

export const llmProvider = objectOf('LLMProvider', { spec, status: parentedStatus });

export const llmProviderKind = {
  kind: 'LLMProvider',
  plural: 'llmproviders',
  singular: 'llmprovider',
  shortNames: ['llmp'],
  summary: 'A vendor, or any endpoint that speaks a known dialect, and how to reach it.',
  description:
    'LLMProvider is a vendor, or any endpoint that speaks a known dialect, and how to reach it. It ships when a model refers to it.',
  columns: [
    { name: 'Dialect', type: 'string', jsonPath: '.spec.dialect', description: 'The API that it speaks.' },
    { name: 'URL', type: 'string', jsonPath: '.spec.baseURL', description: 'Where it stands.' },
    { name: 'Auth', type: 'string', jsonPath: '.spec.auth.type', description: 'The credentials it gets.', wide: true },
    {
      name: 'Transport',
      type: 'string',
      jsonPath: '.spec.transport.type',
      description: 'The way to it.',
      wide: true,
    },
    conditionColumn('ResolvedRefs'),
    conditionColumn('Programmed'),
    reasonColumn,
    age,
  ],
  conditions: {
    Accepted: ['Accepted', 'Invalid', 'NotAllowedByParent'],
    ResolvedRefs: ['ResolvedRefs', 'SecretNotFound', 'SecretNotReleased', 'SecretAccessDenied'],
    Programmed: ['Programmed', 'Pending', 'NotShipped', 'PublishFailed', 'Suspended', 'ShrinkHeld', 'Pinned'],
  },
  schema: llmProvider,
  spec,
  status: parentedStatus,
} as const satisfies KindDefinition;
