import { createHash } from 'node:crypto';

const LONGEST = 63;
const HASH = 32;
const HEAD = LONGEST - HASH;

/**
 * The name that Knative and KServe give what they make for an object: parent and suffix, where that fits into 63
 * characters; else the parent's beginning, its MD5, and the suffix (`ChildName` of knative.dev/pkg/kmeta).
 *
 * @param suffix shorter than 31 characters
 */
export function childName(parent: string, suffix: string): string {
  if (parent.length + suffix.length <= LONGEST) return parent + suffix;
  return `${parent.slice(0, HEAD - suffix.length)}${createHash('md5').update(parent).digest('hex')}${suffix}`;
}
