import { missingFault, namedBuckets, type Fault } from './admission.ts';
import { blobFault, largeBlob } from './blob-fault.ts';
import type { Inbox, InboxBytes, InboxText } from './inbox.ts';
import type { VerifiedPush } from './admit-pointer.ts';
import { longPointer } from './verify-push.ts';

/** Blobs that are asked for at a time, all of which are held at once. */
const AT_ONCE = 8;

/** Questions to the inbox in one turn: a call may make 50 requests to the Internet on the free plan. */
const QUESTIONS = 40;

/** What the hub does with what it finds in an inbox; all of it by the rules of a push. */
export interface Admitting {
  readonly cluster: string;
  /** Whether a text is a pointer that may be admitted as far as can be told without its blobs. */
  check(jws: string): Promise<VerifiedPush | { readonly fault: Fault }>;
  /** Those of `hashes` that the hub lacks. */
  missing(hashes: readonly string[]): string[];
  keep(sha256: string, bytes: Uint8Array<ArrayBuffer>): void;
}

/**
 * What came of it. `complete`: the hub has all that the pointer names. `incomplete`: the inbox shows a part of it only,
 * or there is more than can be fetched in one turn; what was fetched is kept.
 */
export type Taken =
  | { readonly type: 'complete'; readonly push: VerifiedPush; readonly fetched: readonly string[] }
  | { readonly type: 'incomplete'; readonly fault: Fault }
  | { readonly type: 'refused'; readonly fault: Fault };

/** Fetches what a pointer of an inbox names, and checks every byte of it. @throws {Error} where the inbox cannot be asked */
export async function takeFromInbox(inbox: Inbox, text: InboxText, admitting: Admitting): Promise<Taken> {
  if (text === 'too-long') return { type: 'refused', fault: longPointer };
  const push = await admitting.check(text.jws);
  if ('fault' in push) return { type: 'refused', fault: push.fault };
  const named = [...new Set(namedBuckets(push.pointer).map(({ sha256 }) => sha256))];
  const wanted = admitting.missing(named);
  for (let at = 0, questions = 0; at < wanted.length; at += AT_ONCE, questions++) {
    if (questions === QUESTIONS) return { type: 'incomplete', fault: missingFault(wanted.slice(at)) };
    const hashes = wanted.slice(at, at + AT_ONCE);
    const blobs = await inbox.blobs(admitting.cluster, hashes);
    for (const sha256 of hashes) {
      const bytes = blobs.get(sha256);
      if (bytes === undefined) continue;
      const fault = await inboxBlobFault(sha256, bytes);
      if (fault) return { type: 'refused', fault };
      if (typeof bytes !== 'string') admitting.keep(sha256, bytes);
    }
    const absent = hashes.filter((sha256) => !blobs.has(sha256));
    if (absent.length > 0) return { type: 'incomplete', fault: missingFault(absent) };
  }
  return { type: 'complete', push, fetched: wanted };
}

async function inboxBlobFault(sha256: string, bytes: InboxBytes): Promise<Fault | undefined> {
  if (bytes === 'too-long') return largeBlob(`The blob ${sha256} of the inbox has more bytes`);
  if (bytes === 'not-base64')
    return { rule: 'blob-hash', message: `The blob ${sha256} of the inbox is not base64: put it again.` };
  return blobFault(sha256, bytes);
}
