/** Where a URL of a status leads: origin, and a path without the slash at its end. */
export interface ServiceUrl {
  readonly origin: string;
  readonly path: string;
}

/** Undefined where it is none, or not of HTTP. */
export function parseServiceUrl(url: string | undefined): ServiceUrl | undefined {
  if (url === undefined || !URL.canParse(url)) return undefined;
  const { protocol, origin, pathname } = new URL(url);
  if (protocol !== 'http:' && protocol !== 'https:') return undefined;
  return { origin, path: pathname.replace(/\/+$/, '') };
}
