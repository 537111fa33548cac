import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Sighting } from '../../sync-agent/inference/sighting.ts';
import { AUTHORITY, CLIENT_CERTIFICATE, CLIENT_KEY } from '../support/certificates.ts';
import { startGateway, type GatewayUnderTest } from '../support/gateway.ts';
import { openEdgePublisher } from '../support/open-edge-publisher.ts';
import {
  startAccessOrigin,
  startMutualTlsOrigin,
  startPrivateHost,
  type PrivateOrigin,
} from '../support/private-origins.ts';
import { consumer, documents, model, provider, route, secret } from '../support/resource-files.ts';
import { startAgentInProcess } from '../support/running-agent.ts';

const KEY = 'sk-test-someone';
const TOKEN = { id: 'abc.access', secret: 'the-secret-of-the-service-token' };
const messages = [{ role: 'user' as const, content: 'Hello' }];

/** Ways in, each a model of its name; `wrong-...` lacks what the way asks for. */
const WAYS = ['access', 'mutual-tls', 'vpc', 'vpc-host'] as const;
const WRONG_WAYS = ['wrong-access', 'wrong-mutual-tls', 'wrong-vpc', 'down'] as const;

/** Headers of a provider that go in front of Cloudflare Access. */
const accessHeaders = (name: string) => [
  { name: 'cf-access-client-id', type: 'SecretKeyRef', secretKeyRef: { name, key: 'client-id' } },
  { name: 'cf-access-client-secret', type: 'SecretKeyRef', secretKeyRef: { name, key: 'client-secret' } },
];
const through = (binding: string) => ({ transport: { type: 'Binding', binding } });

describe('a private cluster is reached', () => {
  let gateway: GatewayUnderTest;
  let client: OpenAI;
  let access: PrivateOrigin;
  let mutualTls: PrivateOrigin;
  let host: PrivateOrigin;
  let behind = '';

  beforeAll(async () => {
    const forward = () => behind;
    [access, mutualTls, host] = await Promise.all([
      startAccessOrigin(forward, TOKEN),
      startMutualTlsOrigin(forward),
      startPrivateHost(forward, 'vllm.models.svc.cluster.local'),
    ]);
    const { host: vpcAddress } = new URL(host.origin);
    const tls = { trustedCertificates: [AUTHORITY] };
    gateway = await startGateway({
      startAgent: startAgentInProcess,
      bindings: {
        // What an mTLS certificate is at Cloudflare, and one whose certificate is missing.
        GPU_CERT: {
          type: 'network',
          allow: ['local'],
          tlsOptions: { ...tls, keypair: { privateKey: CLIENT_KEY, certificateChain: CLIENT_CERTIFICATE } },
        },
        NO_CERT: { type: 'network', allow: ['local'], tlsOptions: tls },
        // What a VPC service is: it leads to one address, whatever URL is called.
        GPU_VPC: { type: 'external', address: vpcAddress, http: {} },
        DOWN_VPC: { type: 'external', address: '127.0.0.1:1', http: {} },
      },
      files: (simulator) => {
        behind = simulator;
        const names = [...WAYS, ...WRONG_WAYS];
        return {
          'all.yaml': documents(
            provider('access', { baseURL: `${access.origin}/v1`, headers: accessHeaders('token') }),
            provider('wrong-access', { baseURL: `${access.origin}/v1`, headers: accessHeaders('old-token') }),
            provider('mutual-tls', { baseURL: `${mutualTls.origin}/v1`, ...through('GPU_CERT') }),
            provider('wrong-mutual-tls', { baseURL: `${mutualTls.origin}/v1`, ...through('NO_CERT') }),
            provider('vpc', { baseURL: 'http://vllm.models.svc.cluster.local/v1', ...through('GPU_VPC') }),
            provider('vpc-host', {
              baseURL: 'http://gpu.internal/v1',
              hostHeader: 'vllm.models.svc.cluster.local',
              ...through('GPU_VPC'),
            }),
            provider('wrong-vpc', { baseURL: 'http://gpu.internal/v1', ...through('GPU_VPC') }),
            provider('down', { baseURL: 'http://gpu.internal/v1', ...through('DOWN_VPC') }),
            secret('token', new URL(access.origin).host, { 'client-id': TOKEN.id, 'client-secret': TOKEN.secret }),
            secret('old-token', new URL(access.origin).host, { 'client-id': TOKEN.id, 'client-secret': 'revoked' }),
            ...names.map((name) => model(name, { provider: name, model: 'demo' })),
            route('chat', names),
            consumer('someone', KEY),
          ),
        };
      },
    });
    client = new OpenAI({ baseURL: `${gateway.edge.url}/v1`, apiKey: KEY, maxRetries: 0 });
  });
  afterAll(async () => {
    await gateway?.dispose();
    await Promise.all([access, mutualTls, host].map((origin) => origin?.stop()));
  });

  const ask = (name: string) => client.chat.completions.create({ model: name, messages });

  test.each(WAYS)('by %s', async (name) => {
    const { choices } = await ask(name);
    expect(choices[0]?.message.content).toContain('You asked');
  });

  test.each(WAYS)('by %s, streamed', async (name) => {
    let text = '';
    for await (const chunk of await client.chat.completions.create({ model: name, messages, stream: true }))
      text += chunk.choices[0]?.delta.content ?? '';
    expect(text).toContain('You asked');
  });

  test.each(WRONG_WAYS)('not by %s, and the caller learns nothing of the way', async (name) => {
    const error: unknown = await ask(name).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(OpenAI.APIError);
    expect(error).toMatchObject({ status: name === 'wrong-vpc' ? 404 : 502 });
    expect(String(error)).not.toMatch(/revoked|abc\.access|127\.0\.0\.1/);
  });

  /** What the edge sees of a service behind a provider's connection: as the agent has it look, paths to be found out. */
  async function look(name: string): Promise<Sighting> {
    const { publisher, compilation } = await openEdgePublisher(gateway.folder.path);
    const { entry, secrets } = compilation.usableProviders.get(`default/${name}`) ?? fail();
    const baseURL = new URL(entry.baseURL).origin;
    const wanted = { id: `default/${name}`, digest: '', entry: { ...entry, baseURL }, secrets };
    return publisher.look({ ...wanted, paths: ['/openai/v1', '/v1'] }, new AbortController().signal);
  }

  test.each(WAYS)('and seen by %s', async (name) => {
    expect(await look(name)).toMatchObject({ type: 'Seen', path: '/v1', models: expect.arrayContaining(['demo']) });
  });

  test.each([
    ['wrong-access', /refuses access \(status 403\): Cloudflare Access wants a service token/],
    ['wrong-mutual-tls', /^the binding NO_CERT \(https:\/\/localhost:\d+\) cannot be reached/],
    ['wrong-vpc', /^the binding GPU_VPC \(http:\/\/gpu\.internal\) has nothing there \(status 404\)/],
    ['down', /^the binding DOWN_VPC \(http:\/\/gpu\.internal\) cannot be reached/],
  ])('and by %s the edge says what it saw instead', async (name, sentence) => {
    const sighting = await look(name);
    expect(sighting.type === 'NotSeen' && sighting.sentence).toMatch(sentence);
    expect(JSON.stringify(sighting)).not.toContain('revoked');
  });

  test('and no credential reaches a server but the one that it is for', () => {
    expect(access.passed.every(({ headers }) => headers.get('cf-access-client-secret') === TOKEN.secret)).toBe(true);
    const others = [...mutualTls.passed, ...host.passed];
    expect(others.length).toBeGreaterThan(0);
    expect(others.some(({ headers }) => headers.has('cf-access-client-secret'))).toBe(false);
    expect([...access.passed, ...others].some(({ headers }) => headers.has('authorization'))).toBe(false);
  });
});

function fail(): never {
  throw new Error('expected it to compile');
}
