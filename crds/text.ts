import { z } from 'zod';
import { matches } from './rule.ts';

/** A string of at most `max` characters that matches `pattern`, refused with `sentence`. */
export function text(max: number, pattern: RegExp, sentence: string): z.ZodString {
  return z.string().max(max).check(matches(pattern, sentence));
}

const label = '[a-z0-9]([a-z0-9-]*[a-z0-9])?';
const dnsName = `${label}(\\.${label})*`;
const port = '(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?';

export const dnsLabel = text(
  63,
  new RegExp(`^${label}$`),
  'must be a DNS label: lower-case letters, digits and hyphens, beginning and ending with a letter or digit',
);

export const objectName = text(
  253,
  new RegExp(`^${dnsName}$`),
  'must be the name of an object: lower-case letters, digits, hyphens and dots, each part beginning and ending with a letter or digit',
);

export const hostname = text(
  253,
  new RegExp(`^(\\*\\.)?${dnsName}$`),
  'must be a host name such as api.example.com, or *.example.com, in lower case and without scheme or port',
);

export const hostnameClaim = text(
  253,
  new RegExp(`^(\\*|(\\*\\.)?${dnsName})$`),
  'must be a host name such as api.example.com, or *.example.com, or * for all, in lower case and without scheme or port',
);

export const hostAndPort = text(
  259,
  new RegExp(`^(${dnsName}|\\[[0-9a-f:.]+\\])${port}$`),
  'must be a host such as api.example.com or api.example.com:8443, in lower case and without scheme or path',
);

/** An https origin, or an http origin of the machine itself. */
export const edgeOrigin = text(
  300,
  new RegExp(`^(https://${dnsName}${port}|http://(localhost|127\\.0\\.0\\.1|\\[::1\\])${port})$`),
  'must be an https origin such as https://ai.example.com, in lower case and without a path; http is for localhost only',
);

/** As of an edge: a token that goes over plain http can be read on the way. */
export const redisOrigin = text(
  300,
  new RegExp(`^(https://${dnsName}${port}|http://(localhost|127\\.0\\.0\\.1|\\[::1\\])${port})$`),
  'must be an https URL such as https://eu1-sound-cat-1234.upstash.io, without a path; http is for localhost only',
);

export const browserOrigin = text(
  300,
  new RegExp(`^(\\*|[a-z][a-z0-9+.-]*://(\\*\\.)?(${dnsName}|\\[[0-9a-f:.]+\\])${port})$`),
  'must be an origin such as https://app.example.com, or https://*.example.com, or * for all, without a path',
);

export const upstreamUrl = text(
  1024,
  new RegExp(
    `^https?://([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\\[[0-9A-Fa-f:.]+\\])${port}(/[A-Za-z0-9._~!$&()*+,;=:@%-]*)*$`,
  ),
  'must be a URL such as https://api.example.com/v1, without user, query or fragment',
);

const ofService = '\\{name\\}|\\{namespace\\}';

/** As `upstreamUrl`, with places for what tells one service of the cluster from another. */
export const upstreamUrlTemplate = text(
  512,
  new RegExp(`^https?://([A-Za-z0-9._-]|${ofService})+${port}(/([A-Za-z0-9._~!$&()*+,;=:@%-]|${ofService})*)*$`),
  'must be a URL such as https://{name}-{namespace}.gpu.example.com, in which {name} and {namespace} are those of the service',
);

export const hostTemplate = text(
  259,
  new RegExp(`^([a-z0-9.-]|\\{host\\}|${ofService})+${port}$`),
  "must be a host such as {name}.gpu.internal, in which {name} and {namespace} are those of the service, and {host} is the service's own host",
);

export const modelNameTemplate = text(
  256,
  new RegExp(`^([A-Za-z0-9@._:/+~-]|\\{model\\}|${ofService})+$`),
  'must be a model name in which {model} is the name that the service serves, and {name} and {namespace} are those of the service',
);

/** A path that is a prefix by whole segments. */
export const pathPrefix = text(
  256,
  /^(\/|(\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+)$/,
  'must be a path such as /team-a, beginning with a slash and, but for / itself, not ending with one; segments do not begin with a dot',
);

export const modelName = text(
  256,
  /^[A-Za-z0-9@][A-Za-z0-9@._:/+~-]*$/,
  'must be a model name such as gpt-5 or meta/llama-4: letters, digits and . _ : / + ~ @ -',
);

export const modelNamePattern = text(
  256,
  /^(\*|[A-Za-z0-9@][A-Za-z0-9@._:/+~-]*\*?)$/,
  'must be a model name such as gpt-5, or a prefix such as gpt-*, or * for all',
);

/** The name that the upstream gives a model: theirs, so anything printable. */
export const upstreamModelName = text(256, /^[!-~]+$/, 'must be printable ASCII characters without spaces');

export const headerName = text(128, /^[a-z0-9!#$%&'*+.^_`|~-]+$/, 'must be the name of an HTTP header, in lower case');

export const headerValue = text(
  2048,
  /^[!-~]([ -~]*[!-~])?$/,
  'must be printable ASCII characters, neither beginning nor ending with a space',
);

export const secretKey = text(253, /^[A-Za-z0-9._-]+$/, 'must be a key of a Secret: letters, digits and . _ -');

export const keyId = text(64, /^[A-Za-z0-9._-]+$/, 'must be a key id: letters, digits and . _ -');

/** 32 bytes in base64url without padding. */
export const publicKey = text(
  43,
  /^[A-Za-z0-9_-]{43}$/,
  'must be an X25519 public key: 32 bytes in base64url, which is 43 characters; `fairlead keygen` makes one',
);

export const sha256 = text(
  64,
  /^[0-9a-f]{64}$/,
  'must be a SHA-256 digest: 64 lower-case hexadecimal digits, and never the key itself',
);

/** What Cloudflare gives accounts and KV namespaces. */
export const cloudflareId = text(32, /^[0-9a-f]{32}$/, 'must be an id of Cloudflare: 32 lower-case hexadecimal digits');

export const revisionName = text(
  12,
  /^[0-9a-f]{12}$/,
  'must be the name of a revision: 12 lower-case hexadecimal digits, as `fairlead history` lists them',
);

export const teamName = text(
  63,
  /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/,
  'must be letters, digits and . _ -, beginning and ending with a letter or digit',
);

/** Days are checked by month, as the API server has no way to refuse the thirtieth of February otherwise. */
export const timestamp = text(
  35,
  /^[0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|[12][0-9]))T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$/,
  'must be a time such as 2027-01-31T00:00:00Z (RFC 3339)',
);
