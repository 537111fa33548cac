import { describe, expect, test } from 'vitest';
import { heldSightings, readHeldServices } from '../../../sync-agent/inference/held-sightings.ts';
import { wantedSighting } from '../support/wanted-sighting.ts';

const ID = 'team/llama..inferenceservice-0123456789abcdef';
const WANTED = wantedSighting(ID, 'place-now');

const bytes = (entries: object) => new TextEncoder().encode(JSON.stringify(entries));

function held(entry: object, models: object = { 'team/llama': { backends: [{ provider: ID, model: 'llama' }] } }) {
  return readHeldServices({ providers: [bytes({ [ID]: entry })], models: [bytes(models), bytes({})] });
}

describe('what a table that an edge holds tells of services', () => {
  test('is the path under which one answers, and the names that it is asked for', () => {
    const models = {
      'team/a': { backends: [{ provider: ID, model: 'llama' }] },
      'team/b': {
        backends: [
          { provider: ID, model: 'lora' },
          { provider: 'team/other', model: 'gpt' },
          { provider: ID, model: 'llama' },
        ],
      },
    };
    const seen = heldSightings(held({ baseURL: 'https://llama.gpu.example.com/v1', more: 1 }, models), [WANTED]);
    expect(seen).toEqual(new Map([[ID, { type: 'Seen', path: '/v1', models: ['llama', 'lora'] }]]));
  });

  test.each([
    ['another address', { baseURL: 'https://other.gpu.example.com/v1' }],
    ['a path that is not tried', { baseURL: 'https://llama.gpu.example.com/v2' }],
    ['an address that begins alike', { baseURL: 'https://llama.gpu.example.com.evil.example/v1' }],
    ['another binding', { baseURL: 'https://llama.gpu.example.com/v1', binding: 'VPC' }],
    ['another host', { baseURL: 'https://llama.gpu.example.com/v1', hostHeader: 'other' }],
  ])('is nothing of one that it reaches by %s', (_, entry) => {
    expect(heldSightings(held(entry), [WANTED]).size).toBe(0);
  });

  test('is nothing where no model leads there, or what it holds is of another form', () => {
    expect(heldSightings(held({ baseURL: 'https://llama.gpu.example.com/v1' }, {}), [WANTED]).size).toBe(0);
    expect(heldSightings(held({ baseURL: 7 }), [WANTED]).size).toBe(0);
  });
});
