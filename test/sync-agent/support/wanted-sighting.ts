import type { SightingWanted } from '../../../sync-agent/inference/sighting.ts';
import { secretToSeal } from './edge-bench.ts';

/** What a compiler asks for of a service. @param secret sent along as a header */
export function wantedSighting(id: string, digest = 'd1', secret?: string): SightingWanted {
  const secrets = secret === undefined ? [] : [{ ...secretToSeal('cc', secret), provider: id }];
  return {
    id,
    digest,
    entry: {
      dialect: 'OpenAI',
      baseURL: 'https://llama.gpu.example.com',
      headers: secrets.map(({ id }) => ({ name: 'cf-access-client-secret', type: 'Sealed', id })),
      timeouts: {},
      allow: { privateAddresses: false, plainText: false },
    },
    secrets,
    paths: ['/openai/v1', '/v1'],
  };
}

export function wantedSightings(...list: readonly SightingWanted[]): ReadonlyMap<string, SightingWanted> {
  return new Map(list.map((one) => [one.id, one]));
}
