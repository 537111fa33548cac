import { createHash } from 'node:crypto';
import type { Resource } from '../../crds/parse-resource.ts';
import { backend, consumer, edgeGateway, edgeKeys, model, provider, route, secret } from './resource-builders.ts';

/** How many there are of each kind in a large snapshot of this size. */
const SHARES = { consumers: 8000, models: 1000, routes: 500, providers: 200 };

/**
 * About 10,000 resources as a large company has them: 50 teams, each with its routes, models, providers and
 * applications. The same every time.
 *
 * @param scale 1 for 8,000 consumers, 1,000 models, 500 routes, 200 providers
 */
export function largeSnapshot(scale = 1): Resource[] {
  const resources: Resource[] = [edgeGateway(), edgeKeys()];
  for (let i = 0; i < SHARES.providers * scale; i++) resources.push(...largeProvider(i));
  for (let i = 0; i < SHARES.models * scale; i++) resources.push(largeModel(i));
  for (let i = 0; i < SHARES.routes * scale; i++) resources.push(largeRoute(i));
  for (let i = 0; i < SHARES.consumers * scale; i++) resources.push(largeConsumer(i));
  return resources;
}

/** Each a namespace, `team-0` and so on. */
export const LARGE_TEAMS = 50;
const teamOf = (i: number): string => `team-${i % LARGE_TEAMS}`;

function largeProvider(i: number): Resource[] {
  const meta = { name: `provider-${Math.floor(i / LARGE_TEAMS)}`, namespace: teamOf(i) };
  const host = `llm-${i}.example.com`;
  return [
    provider(
      {
        baseURL: `https://${host}/v1`,
        auth: { type: 'APIKey', apiKey: { type: 'SecretRef', secretRef: { name: meta.name, key: 'api-key' } } },
        headers: [{ name: 'x-tenant', type: 'Value', value: `tenant-${i}` }],
        timeouts: { firstByte: '30s', total: '5m' },
      },
      meta,
    ),
    secret({ 'api-key': `sk-provider-${i}` }, { ...meta, annotations: { 'fairlead.dev/hosts': host } }),
  ];
}

function largeModel(i: number): Resource {
  const rank = Math.floor(i / LARGE_TEAMS);
  return model(
    {
      modelName: `vendor/model-${rank}-instruct`,
      aliases: [`model-${rank}`, `model-${rank}-latest`],
      backends: [0, 1].map((k) => backend(`provider-${(rank + k) % 4}`, { weight: 1 + k })),
      capabilities: ['Chat', 'Completions'],
      contextWindow: 128_000,
      maxOutputTokens: 16_384,
      pricing: { inputPerMillionTokens: '2.50', outputPerMillionTokens: '10', cachedInputPerMillionTokens: '1.25' },
    },
    { name: `model-${rank}`, namespace: teamOf(i) },
  );
}

function largeRoute(i: number): Resource {
  const rank = Math.floor(i / LARGE_TEAMS);
  return route(
    {
      hostnames: [`${teamOf(i)}.ai.example.com`],
      pathPrefix: `/app-${rank}`,
      models: [0, 1, 2, 3].map((k) => ({ name: `model-${(2 * rank + k) % 20}` })),
      timeouts: { total: '10m' },
    },
    { name: `route-${rank}`, namespace: teamOf(i) },
  );
}

export function largeConsumer(i: number, team = `unit-${i % 400}`): Resource {
  const sha256 = createHash('sha256').update(`sk-fairlead-${i}`).digest('hex');
  return consumer(
    {
      team,
      keys: [{ name: 'main', type: 'SHA256', sha256, expiresAt: '2027-01-31T00:00:00Z' }],
      allowedModels: ['vendor/*', 'model-1'],
      metadata: { 'cost-center': `cc-${i % 997}`, owner: `owner-${i}@example.com` },
    },
    { name: `consumer-${Math.floor(i / LARGE_TEAMS)}`, namespace: teamOf(i) },
  );
}
