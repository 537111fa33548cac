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

export const TEST_EDGE_VARIABLES = {
  FAIRLEAD_ENDPOINT: EDGE,
  FAIRLEAD_CLUSTERS: JSON.stringify([
    { name: CLUSTER, verifyingKeys: [FIRST_KEY, SECOND_KEY].map(({ kty, crv, kid, x }) => ({ kty, crv, kid, x })) },
  ]),
  FAIRLEAD_LOCAL: 'true',
};
