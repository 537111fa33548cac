import { expect, test } from 'vitest';
import { findCluster, readTableSettings } from '../../../worker/table/table-settings.ts';
import { CLUSTER, OTHER_CLUSTER, TEST_EDGE_VARIABLES, TWO_CLUSTER_VARIABLES } from './test-keys.ts';

test('are read from the variables of the worker, keys and all', async () => {
  const { edge, clusters, local } = await readTableSettings(TEST_EDGE_VARIABLES);
  expect({ edge, local, names: clusters.map(({ trust }) => trust.name) }).toEqual({
    edge: 'https://edge.example.com',
    local: true,
    names: ['prod'],
  });
  expect(clusters[0]?.findKey('first')?.kid).toBe('first');
  expect(clusters[0]?.findKey('stranger')).toBeUndefined();
});

test('keep several clusters in their order, each with its own keys', async () => {
  const settings = await readTableSettings(TWO_CLUSTER_VARIABLES);
  expect(settings.clusters.map(({ trust }) => trust.name)).toEqual([CLUSTER, OTHER_CLUSTER]);
  expect(findCluster(settings, OTHER_CLUSTER)?.findKey('other')?.kid).toBe('other');
  expect(findCluster(settings, OTHER_CLUSTER)?.findKey('first')).toBeUndefined();
  expect(findCluster(settings, CLUSTER)?.findKey('other')).toBeUndefined();
  expect(findCluster(settings, 'unheard-of')).toBeUndefined();
});

test('are not local unless they say so', async () => {
  const { FAIRLEAD_LOCAL: _local, ...deployed } = TEST_EDGE_VARIABLES;
  expect((await readTableSettings(deployed)).local).toBe(false);
});

const [prod] = JSON.parse(TEST_EDGE_VARIABLES.FAIRLEAD_CLUSTERS);
test.each([
  [{ FAIRLEAD_ENDPOINT: 'https://edge.example.com/' }, 'must be an origin'],
  [{ FAIRLEAD_ENDPOINT: 'edge.example.com' }, 'FAIRLEAD_ENDPOINT'],
  [{ FAIRLEAD_CLUSTERS: '[' }, 'is not JSON'],
  [{ FAIRLEAD_CLUSTERS: '[]' }, 'FAIRLEAD_CLUSTERS'],
  [{ FAIRLEAD_CLUSTERS: JSON.stringify([prod, { ...prod, name: 'other' }]) }, 'a verifying key is listed twice'],
  [{ FAIRLEAD_LOCAL: 'yes' }, 'FAIRLEAD_LOCAL'],
])('that cannot be used say so, with the name of the variable: %j', async (change, sentence) => {
  await expect(readTableSettings({ ...TEST_EDGE_VARIABLES, ...change })).rejects.toThrow(sentence);
});
