import { expect, test } from 'vitest';
import { clusterTrustList } from '../../contract/cluster-trust.ts';

const key = (kid: string, letter: string) => ({ kty: 'OKP', crv: 'Ed25519', kid, x: letter.repeat(43) });
const cluster = (name: string, ...verifyingKeys: object[]) => ({ name, verifyingKeys });

test('a cluster may serve everything unless the list says otherwise', () => {
  const [only] = clusterTrustList.parse([cluster('prod', key('k1', 'A'))]);
  expect(only).toMatchObject({ hostnames: ['*'], models: ['*'] });
});

test.each([
  ['two clusters have the same name', [cluster('a', key('k', 'A')), cluster('a', key('k', 'B'))]],
  ['two keys of one cluster have the same kid', [cluster('a', key('k', 'A'), key('k', 'B'))]],
  ['a verifying key is listed twice', [cluster('a', key('k', 'A')), cluster('b', key('l', 'A'))]],
  ['expected array to have <=2 items', [cluster('a', key('k', 'A'), key('l', 'B'), key('m', 'C'))]],
])('what leaves open who signed is refused: %s', (sentence, list) => {
  expect(clusterTrustList.safeParse(list).error?.message).toContain(sentence);
});

test('a private key has no place in it', () => {
  expect(clusterTrustList.safeParse([cluster('a', { ...key('k', 'A'), d: 'A'.repeat(43) })]).success).toBe(false);
});
