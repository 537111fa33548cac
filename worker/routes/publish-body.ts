import { bytesWithin } from '../table/bytes-within.ts';

/** The body's bytes, or undefined where there are more than `limit`: reading ends there, whatever its length claims. */
export async function bodyWithin(request: Request, limit: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (Number(request.headers.get('content-length') ?? 0) > limit) return undefined;
  return request.body ? bytesWithin(request.body, limit) : new Uint8Array();
}
