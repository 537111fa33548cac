import { describe, expect, test } from 'vitest';
import { layOver } from '../../../cli/places/lay-over.ts';
import { resourceKey, type Resource } from '../../../sync-agent/snapshot.ts';
import { model, provider, secret } from '../../support/resource-builders.ts';

const NOW = '2026-05-01T00:00:00Z';

describe('a folder that lies over a cluster', () => {
  test('says what its resources are, and leaves all others of the cluster', () => {
    const cluster = [model({ modelName: 'old' }), provider()];
    const laid = layOver([model({ modelName: 'new' })], cluster, NOW);
    expect(laid.map(resourceKey).toSorted()).toEqual(['AIModel/team/model', 'LLMProvider/team/provider']);
    expect(laid.find(({ kind }) => kind === 'AIModel')).toMatchObject({ spec: { modelName: 'new' } });
  });

  test('takes no age and no annotation from an object that is there already', () => {
    const before = model({}, { day: 7, annotations: { 'example.com/by-others': 'yes', 'example.com/mine': 'old' } });
    const [after] = layOver([model({}, { day: 20, annotations: { 'example.com/mine': 'new' } })], [before], NOW);
    expect(after?.metadata).toMatchObject({
      creationTimestamp: '2026-01-07T00:00:00Z',
      annotations: { 'example.com/by-others': 'yes', 'example.com/mine': 'new' },
    });
  });

  test('creates what is new now, so that everything older goes before it', () => {
    const [created] = layOver([model()], [], NOW);
    expect(created?.metadata).toMatchObject({ creationTimestamp: NOW });
  });

  test('brings a Secret that could not be read in the cluster', () => {
    const denied: Resource = { kind: 'DeniedSecret', metadata: { namespace: 'team', name: 'it' }, command: '' };
    expect(layOver([secret({ key: 'value' })], [denied], NOW).map(resourceKey)).toEqual(['Secret/team/it']);
  });
});
