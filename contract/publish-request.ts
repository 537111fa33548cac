import * as z from 'zod';
import { canonicalJson } from './canonical-json.ts';
import { sha256Hex } from './encoding.ts';
import { signDocument, UntrustedDocument, verifyDocument, type FindKey, type KeyWithId } from './revision.ts';

/** How a request to the publish endpoints is signed: over method, path, body and time, by a key that may sign pointers. */
const REQUEST_TYPE = 'fairlead-request+jws';

/** `Authorization: Fairlead <signature>` */
const SCHEME = 'Fairlead ';

/** How far the times of agent and edge may differ, in milliseconds. */
export const SIGNATURE_LIFETIME_MS = 60_000;

const signedRequest = z.object({
  edge: z.string(),
  method: z.string(),
  /** Path and query. */
  path: z.string(),
  /** SHA-256 of the body's bytes, of none for a request without a body. */
  sha256: z.string(),
  /** RFC 3339. */
  time: z.string(),
});

export interface RequestToSign {
  readonly edge: string;
  readonly method: string;
  readonly path: string;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** The value of the `Authorization` header. @param now milliseconds since the epoch */
export async function signRequest(request: RequestToSign, signingKey: KeyWithId, now: number): Promise<string> {
  const { edge, method, path, body } = request;
  const claim = { edge, method, path, sha256: await sha256Hex(body), time: new Date(now).toISOString() };
  return SCHEME + (await signDocument(canonicalJson(claim), REQUEST_TYPE, signingKey));
}

/**
 * @param authorization the header's value, or null where there is none
 * @param now milliseconds since the epoch
 * @throws {UntrustedDocument} where the signature is not one of exactly this request, made within a minute of now
 */
export async function verifyRequest(
  authorization: string | null,
  request: RequestToSign,
  findKey: FindKey,
  now: number,
): Promise<void> {
  if (!authorization?.startsWith(SCHEME)) throw new UntrustedDocument('the request carries no Fairlead signature');
  const payload = await verifyDocument(authorization.slice(SCHEME.length), REQUEST_TYPE, findKey);
  const parsed = signedRequest.safeParse(payload);
  if (!parsed.success) throw new UntrustedDocument('the request signature is not of this version');
  const claim = parsed.data;
  if (claim.edge !== request.edge)
    throw new UntrustedDocument(`the request is signed for the edge ${claim.edge}, this is ${request.edge}`);
  if (
    claim.method !== request.method ||
    claim.path !== request.path ||
    claim.sha256 !== (await sha256Hex(request.body))
  )
    throw new UntrustedDocument('the request signature was made for another request');
  const skew = Date.parse(claim.time) - now;
  if (!(Math.abs(skew) <= SIGNATURE_LIFETIME_MS))
    throw new UntrustedDocument(
      `the request was signed ${Math.round(skew / 1000)} s from the edge's time: check the clocks`,
    );
}
