import { describe, expect, test } from 'vitest';
import { readSource } from '../../../cli/places/read-source.ts';
import { CliError } from '../../../cli/exit-codes.ts';
import { resourceKey, type ResourceKey } from '../../../sync-agent/snapshot.ts';
import { SourceUnavailable, type ResourceSource, type StoredObject } from '../../../sync-agent/source/source.ts';
import { model, secret } from '../../support/resource-builders.ts';

const STORED: StoredObject = { uid: 'u', resourceVersion: '7', generation: 3, isDeleting: false, status: {} };

describe('reading a source once', () => {
  test('gives what it holds and what the API server has of our own, and ends it', async () => {
    const happened: string[] = [];
    const source: ResourceSource = {
      open: async () => ({
        clusterUid: 'uid',
        observe: async () => ({
          changes: [model(), secret({ key: 'value' })].map((resource) => ({ type: 'Set', resource })),
          problems: [],
        }),
        close: async () => {
          happened.push('closed');
        },
        cluster: {
          stored: (key: ResourceKey) => (key === 'AIModel/team/model' ? STORED : undefined),
          endpoints: () => [],
        },
      }),
    };
    const { resources, stored } = await readSource(source);
    expect(resources.map(resourceKey)).toEqual(['AIModel/team/model', 'Secret/team/it']);
    expect([...stored]).toEqual([['AIModel/team/model', STORED]]);
    expect(happened).toEqual(['closed']);
  });

  test('says in one line why it cannot be read', async () => {
    const source: ResourceSource = {
      open: () => Promise.reject(new SourceUnavailable('the cluster could not be read')),
    };
    await expect(readSource(source)).rejects.toThrow(new CliError('the cluster could not be read', 3));
  });
});
