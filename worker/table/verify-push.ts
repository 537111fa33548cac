import { MAX_POINTER_LENGTH } from '../../contract/buckets.ts';
import { UnknownSchema, UntrustedDocument, verifyPointer, type FindKey } from '../../contract/revision.ts';
import type { Pointer } from '../../contract/routing-table.ts';
import { unknownSchema, type Fault } from './admission.ts';

/** The pointer that a cluster's key signed, or the rule that speaks against the text. */
export async function verifyPush(
  jws: string,
  findKey: FindKey,
): Promise<{ readonly pointer: Pointer } | { readonly fault: Fault }> {
  if (jws.length > MAX_POINTER_LENGTH) return { fault: longPointer };
  try {
    return { pointer: await verifyPointer(jws, findKey) };
  } catch (error) {
    if (error instanceof UnknownSchema) return { fault: unknownSchema(error.schemaVersion) };
    if (error instanceof UntrustedDocument)
      return { fault: { rule: 'signature', message: `The pointer is not to be trusted: ${error.message}.` } };
    throw error;
  }
}

export const longPointer: Fault = {
  rule: 'blob-size',
  message: `The pointer is longer than ${MAX_POINTER_LENGTH} characters.`,
};
