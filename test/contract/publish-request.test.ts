import { beforeAll, expect, test } from 'vitest';
import { canonicalJson } from '../../contract/canonical-json.ts';
import {
  signRequest,
  SIGNATURE_LIFETIME_MS,
  verifyRequest,
  type RequestToSign,
} from '../../contract/publish-request.ts';
import { signDocument, UntrustedDocument } from '../../contract/revision.ts';
import { signingPair, tampered } from './keys.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const request: RequestToSign = {
  edge: 'https://edge.example.com',
  method: 'PUT',
  path: '/fairlead/v1/clusters/prod/pointer?a=b',
  body: new TextEncoder().encode('the body'),
};
let keys: Awaited<ReturnType<typeof signingPair>>;
let signed: string;
beforeAll(async () => {
  keys = await signingPair('k1');
  signed = await signRequest(request, keys.sign, NOW);
});

test('a request that was signed as it arrives is accepted', async () => {
  await expect(verifyRequest(signed, request, keys.find, NOW + 1_000)).resolves.toBeUndefined();
});

test.each([
  ['method', { method: 'POST' }],
  ['path', { path: '/fairlead/v1/clusters/other/pointer?a=b' }],
  ['query', { path: '/fairlead/v1/clusters/prod/pointer?a=c' }],
  ['body', { body: new TextEncoder().encode('another body') }],
  ['body that is missing', { body: new Uint8Array() }],
])('a signature does not stand for a request with another %s', async (_, change) => {
  await expect(verifyRequest(signed, { ...request, ...change }, keys.find, NOW)).rejects.toThrow(
    'was made for another request',
  );
});

test('a signature made for another edge is refused, and both are named', async () => {
  const here = { ...request, edge: 'https://staging.example.com' };
  await expect(verifyRequest(signed, here, keys.find, NOW)).rejects.toThrow(
    'signed for the edge https://edge.example.com, this is https://staging.example.com',
  );
});

test.each([-SIGNATURE_LIFETIME_MS, 0, SIGNATURE_LIFETIME_MS])('a clock that is %i ms off will do', async (skew) => {
  await expect(verifyRequest(signed, request, keys.find, NOW + skew)).resolves.toBeUndefined();
});

test.each([-SIGNATURE_LIFETIME_MS - 1, SIGNATURE_LIFETIME_MS + 1])(
  'a signature that is replayed %i ms later is refused, and points to the clocks',
  async (skew) => {
    await expect(verifyRequest(signed, request, keys.find, NOW + skew)).rejects.toThrow('check the clocks');
  },
);

test('a time that is none is refused', async () => {
  const claim = { edge: request.edge, method: request.method, path: request.path, sha256: '', time: 'soon' };
  const forged = `Fairlead ${await signDocument(canonicalJson(claim), 'fairlead-request+jws', keys.sign)}`;
  await expect(verifyRequest(forged, request, keys.find, NOW)).rejects.toThrow(UntrustedDocument);
});

test('a signed pointer is no signature of a request', async () => {
  const pointer = `Fairlead ${await signDocument('{}', 'fairlead-pointer+jws', keys.sign)}`;
  await expect(verifyRequest(pointer, request, keys.find, NOW)).rejects.toThrow('its type is not');
});

test.each([null, '', 'Bearer sk-1', 'Fairlead', 'Fairlead x'])('no signature, no entry: %j', async (header) => {
  await expect(verifyRequest(header, request, keys.find, NOW)).rejects.toThrow(UntrustedDocument);
});

test('a signature that was changed is refused', async () => {
  for (const part of [0, 1, 2])
    await expect(verifyRequest(tampered(signed, part), request, keys.find, NOW)).rejects.toThrow(UntrustedDocument);
});
