/** Keys and variables of the edge that the tests in workerd run. They guard nothing. */
export const FIRST_KEY = {
  kty: 'OKP',
  crv: 'Ed25519',
  kid: 'first',
  x: 'y-fv7Y92iQ2VvX7JmmDNj85__BTxH8BMNKyUZt1kogw',
  d: 'ar5p-_bXz7ZW0eYspX_AVVDu-rWjUa9-qMUo3bIWx1o',
};
/** A second key of the same cluster, as while keys are rotated. */
export const SECOND_KEY = {
  kty: 'OKP',
  crv: 'Ed25519',
  kid: 'second',
  x: 'YiCSsiNMhovAsmoTJtcRka8kXNyee0sHh1vnKaovsJk',
  d: 'H4x9y_24_x_G-H5lPqOP_WJwlkYxUEIroBcW2oZINm4',
};
/** The key of the other cluster. */
export const OTHER_KEY = {
  kty: 'OKP',
  crv: 'Ed25519',
  kid: 'other',
  x: 'xvqDXw6PMLQ4ob96t6ZIvnH-WwW3NHimfzX4JPER3qw',
  d: 'x7HUAOEjcm214a2oQu_dKo018rUGOB-IGhFeu3dkPGk',
};
/** A key of nobody whom this edge knows. */
export const STRANGERS_KEY = {
  kty: 'OKP',
  crv: 'Ed25519',
  kid: 'stranger',
  x: 'iC1HClqMbUJvvtu-854OSWl4F0Tft_WeOhFCEYc_4BE',
  d: 'W1voGxailp85EHsbBmgqH6wn8Uxh7UKBWPjPlEL8WpM',
};

export const EDGE = 'https://edge.example.com';
export const CLUSTER = 'prod';
/** Listed after `CLUSTER` where an edge serves both. */
export const OTHER_CLUSTER = 'lab';

type TestKey = typeof FIRST_KEY;

/** An entry of FAIRLEAD_CLUSTERS. */
export function trusting(name: string, ...keys: readonly TestKey[]) {
  return { name, verifyingKeys: keys.map(({ kty, crv, kid, x }) => ({ kty, crv, kid, x })) };
}

/** Of an edge that serves one cluster. */
export const TEST_EDGE_VARIABLES = {
  FAIRLEAD_ENDPOINT: EDGE,
  FAIRLEAD_CLUSTERS: JSON.stringify([trusting(CLUSTER, FIRST_KEY, SECOND_KEY)]),
  FAIRLEAD_LOCAL: 'true',
};

/** Of an edge that serves two clusters; the tests' hub runs with these. */
export const TWO_CLUSTER_VARIABLES = {
  ...TEST_EDGE_VARIABLES,
  FAIRLEAD_CLUSTERS: JSON.stringify([trusting(CLUSTER, FIRST_KEY, SECOND_KEY), trusting(OTHER_CLUSTER, OTHER_KEY)]),
};
