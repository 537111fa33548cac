/** Where a URL of a status leads: origin, and a path without the slash at its end. */
export interface ServiceUrl {
  readonly origin: string;
  readonly path: string;
}

const LONGEST_URL = 512;
/**
 * The path decides which service of a shared host is called. Of what servers read in more than one way (`//a`, `%61`)
 * nothing is let through, so that two paths that differ lead to two places.
 */
const PATH = /^(?:\/[\w.~-]+)*$/;

/** Undefined where it is none, not of HTTP, or of a path that is not plain. */
export function parseServiceUrl(url: string | undefined): ServiceUrl | undefined {
  if (url === undefined || url.length > LONGEST_URL || !URL.canParse(url)) return undefined;
  const { protocol, origin, pathname } = new URL(url);
  if (protocol !== 'http:' && protocol !== 'https:') return undefined;
  const path = pathname.replace(/\/+$/, '');
  return PATH.test(path) ? { origin, path } : undefined;
}
