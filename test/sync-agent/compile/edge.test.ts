import { deniedSecret } from '../../support/service-builders.ts';
import { describe, expect, test } from 'vitest';
import { compile, createCompiler } from '../../../sync-agent/compile/compile.ts';
import { conditionOf, faultsOf } from '../../support/read-compilation.ts';
import {
  EDGE,
  ENDPOINT,
  SIGNING_JWK,
  consumer,
  edgeGateway,
  edgeKeys,
  model,
  provider,
  route,
  secret,
} from '../../support/resource-builders.ts';

const KEY = 'EdgeGateway/infra/edge';

describe('the EdgeGateway that is compiled', () => {
  test('with its keys it says where to publish, and with what', () => {
    const compilation = compile([edgeGateway(), edgeKeys()], EDGE);
    expect(compilation.target).toEqual({
      way: { type: 'Edge' },
      guards: { suspend: false, pinnedRevision: undefined, allowShrink: undefined, deletionPolicy: 'Retain' },
      endpoint: ENDPOINT,
      cluster: 'main',
      signingKey: SIGNING_JWK,
      sealingKey: { kid: 'sealing-1', publicKey: expect.any(String) },
    });
    expect(faultsOf(compilation, KEY)).toEqual([]);
  });

  test('says what it wants of the agent beside the table', () => {
    const annotations = { 'fairlead.dev/allow-shrink': '0123456789ab' };
    const spec = { suspend: true, pinnedRevision: 'ba9876543210', deletionPolicy: 'Evict' } as const;
    expect(compile([edgeGateway(spec, { annotations }), edgeKeys()], EDGE).target?.guards).toEqual({
      suspend: true,
      pinnedRevision: 'ba9876543210',
      allowShrink: '0123456789ab',
      deletionPolicy: 'Evict',
    });
  });

  describe('with an inbox', () => {
    const id = '0123456789abcdef'.repeat(2);
    const token = { name: 'inbox', key: 'token' };
    const kv = {
      type: 'CloudflareKV',
      cloudflareKV: { accountId: id, namespaceId: id, apiTokenSecretRef: token },
    } as const;
    const redis = {
      type: 'UpstashRedis',
      upstashRedis: { url: 'https://eu1-cat-1.upstash.io', tokenSecretRef: token },
    } as const;
    const inboxSecret = (values: Readonly<Record<string, string>>, namespace = 'infra') =>
      secret(values, { namespace, name: 'inbox' });

    test.each([
      [kv, { type: 'CloudflareKV', accountId: id, namespaceId: id, apiToken: 't0ken' }],
      [redis, { type: 'UpstashRedis', url: 'https://eu1-cat-1.upstash.io', token: 't0ken' }],
    ])('%j is published to with the token of its Secret', (publish, way) => {
      const compilation = compile([edgeGateway({ publish }), edgeKeys(), inboxSecret({ token: 't0ken\n' })], EDGE);
      expect(compilation.target?.way).toEqual(way);
    });

    test.each([
      [
        kv,
        [],
        'Secret infra/inbox does not exist. spec.publish.cloudflareKV.apiTokenSecretRef names it: put an API token',
      ],
      [
        redis,
        [],
        'Secret infra/inbox does not exist. spec.publish.upstashRedis.tokenSecretRef names it: put the REST token',
      ],
      [redis, [inboxSecret({ token: 't0ken' }, 'team')], 'Secret infra/inbox does not exist.'],
      [redis, [inboxSecret({ other: 't0ken' })], 'Secret infra/inbox has no key token'],
    ])('%j is not published to without: %#', (publish, secrets, sentence) => {
      const compilation = compile([edgeGateway({ publish }), edgeKeys(), ...secrets], EDGE);
      expect(compilation.target).toBeUndefined();
      const condition = conditionOf(compilation, KEY, 'ResolvedRefs');
      expect(condition).toMatchObject({ status: 'False', reason: 'SecretNotFound' });
      expect(condition?.message).toContain(sentence);
    });
  });

  test('without its Secret nothing may be published, but everything else is still judged', () => {
    const compilation = compile([edgeGateway(), route(), model(), provider()], EDGE);
    expect(compilation.target).toBeUndefined();
    expect(conditionOf(compilation, KEY, 'ResolvedRefs')).toMatchObject({
      reason: 'SecretNotFound',
      message:
        'Secret infra/edge-keys, which signingKeySecretRef names, does not exist: make one with `fairlead keygen`, and apply it to that namespace.',
    });
    expect(compilation.counts.routes).toBe(1);
  });

  test('a Secret that the agent may not read is told with what lets it', () => {
    const compilation = compile([edgeGateway(), deniedSecret('infra', 'edge-keys')], EDGE);
    expect(compilation.target).toBeUndefined();
    expect(conditionOf(compilation, KEY, 'ResolvedRefs')).toMatchObject({
      reason: 'SecretAccessDenied',
      message: 'The agent may not read Secret infra/edge-keys. To let it, run: kubectl create role read-edge-keys',
    });
  });

  test.each([
    ['signing-key', '{"kty":"OKP"}', 'no private Ed25519 JWK'],
    ['signing-key', 'not JSON', 'no private Ed25519 JWK'],
    ['secret-id-key', 'c2hvcnQ', 'no 32 bytes in base64url'],
  ])('a %s that is %s is reported, and not shown', (name, value, sentence) => {
    const compilation = compile([edgeGateway(), edgeKeys({ [name]: value })], EDGE);
    expect(compilation.target).toBeUndefined();
    const message = conditionOf(compilation, KEY, 'ResolvedRefs')?.message;
    expect(message).toContain(sentence);
    expect(message).not.toContain(value);
  });

  test('without the key for ids, the name of a secret tells nothing of its value', () => {
    const auth = {
      type: 'APIKey' as const,
      apiKey: { type: 'SecretRef' as const, secretRef: { name: 'v', key: 'k' } },
    };
    const idOf = (value: string) =>
      compile(
        [
          edgeGateway(),
          route(),
          model(),
          provider({ auth }),
          secret({ k: value }, { name: 'v', annotations: { 'fairlead.dev/hosts': 'api.example.com' } }),
        ],
        EDGE,
      ).secrets[0]?.id;
    expect(idOf('guess')).toBe(idOf('value'));
  });

  test('of two that publish to one place under one name the older does', () => {
    const resources = [edgeGateway({}, { day: 2 }), edgeGateway({}, { name: 'older', day: 1 }), edgeKeys()];
    const compilation = compile(resources, EDGE);
    expect(compilation.target).toBeUndefined();
    expect(conditionOf(compilation, KEY, 'Accepted')).toMatchObject({
      reason: 'Conflicted',
      message: expect.stringContaining(
        'EdgeGateway infra/older, which is older, publishes to https://ai.example.com as main already',
      ),
    });
    expect(compile(resources, 'infra/older').target).toBeDefined();
  });

  test('an EdgeGateway that is not there compiles to nothing', () => {
    const compilation = compile([route(), model(), provider(), consumer()], EDGE);
    expect(compilation.target).toBeUndefined();
    expect(compilation.counts).toEqual({ routes: 0, models: 0, providers: 0, consumers: 0 });
  });
});

describe('what a compilation hands out', () => {
  test('stays as it was when the compiler goes on', () => {
    const compiler = createCompiler(EDGE);
    compiler.apply([edgeGateway(), edgeKeys(), consumer()].map((resource) => ({ type: 'Set', resource })));
    const before = compiler.compile();
    compiler.apply([{ type: 'Delete', key: 'Consumer/team/consumer' }]);
    const after = compiler.compile();
    expect(before.conditions.has('Consumer/team/consumer')).toBe(true);
    expect(before.counts.consumers).toBe(1);
    expect(after.conditions.has('Consumer/team/consumer')).toBe(false);
    expect(after.counts.consumers).toBe(0);
  });

  test('is the same object where nothing changed', () => {
    const compiler = createCompiler(EDGE);
    compiler.apply([edgeGateway(), edgeKeys(), consumer()].map((resource) => ({ type: 'Set', resource })));
    const before = compiler.compile();
    compiler.apply([{ type: 'Set', resource: consumer() }]);
    const after = compiler.compile();
    expect(after.conditions).toBe(before.conditions);
    expect(after.entries).toBe(before.entries);
    expect(after.sections.consumers).toBe(before.sections.consumers);
  });

  test('a sentence about a hundred faults names the first of them, and how many more there are', () => {
    const models = Array.from({ length: 100 }, (_, i) => ({ name: `gone-${i}` }));
    const compilation = compile([edgeGateway(), edgeKeys(), route({ models })], EDGE);
    const message = conditionOf(compilation, 'GatewayRoute/team/route', 'ResolvedRefs')?.message;
    expect(message).toMatch(/gone-4 does not exist\.\nAnd 95 more\.$/);
  });
});
