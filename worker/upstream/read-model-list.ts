/** An answer to `GET .../models`. */
export interface ListAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Empty where the body is too long to be a list. */
  readonly text: string;
}

/** @property what did happen, as a predicate: `refuses access (status 403)` */
export type ModelList =
  | { readonly type: 'Models'; readonly models: readonly [string, ...string[]] }
  | { readonly type: 'Fault'; readonly what: string };

const MAX_MODELS = 1000;
const MAX_ID_LENGTH = 512;

const ACCESS_HINT =
  'Cloudflare Access wants a service token: set the headers CF-Access-Client-Id and CF-Access-Client-Secret, and give ' +
  'its application a policy with the action Service Auth';

/** Which models a server lists, by the shape that OpenAI has and vLLM, SGLang, TGI and KServe's OpenAI paths share. */
export function readModelList(answer: ListAnswer): ModelList {
  if (answer.status < 200 || answer.status > 299) return { type: 'Fault', what: refusal(answer) };
  if (isPage(answer)) return { type: 'Fault', what: `answers with a page in place of JSON${accessHint(answer)}` };
  const parsed = parsedJson(answer.text);
  const list = listIn(parsed);
  if (!list) return { type: 'Fault', what: strange(parsed) };
  const [first, ...others] = idsOf(list);
  if (first === undefined) return { type: 'Fault', what: 'lists no models' };
  return { type: 'Models', models: [first, ...others] };
}

function refusal(answer: ListAnswer): string {
  const { status, headers, text } = answer;
  const said = `(status ${status})`;
  if (status < 400) {
    const to = URL.parse(headers.get('location') ?? '')?.host;
    if (isAccess(headers)) return `asks for a login ${said}${accessHint(answer)}`;
    return `redirects${to === undefined ? '' : ` to ${to}`} ${said}, which is not followed`;
  }
  const ofCloudflare = CLOUDFLARE_STATUSES[status];
  if (ofCloudflare !== undefined) return `${ofCloudflare} ${said}`;
  if (status === 530) return `${TUNNEL_CODES[errorCode(text)] ?? 'cannot be reached by Cloudflare'} ${said}`;
  if (status === 401 || status === 403) {
    // Access answers those without a service token with a page.
    const hint = isAccess(headers) || isPage(answer) ? `: ${ACCESS_HINT}` : ' of the credentials of its connection';
    return `refuses access ${said}${hint}`;
  }
  if (status === 404) return `has nothing there ${said}`;
  if (status === 503) return `is not ready ${said}`;
  return `fails ${said}`;
}

/** https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/ */
const CLOUDFLARE_STATUSES: Readonly<Record<number, string>> = {
  520: 'answers Cloudflare with nothing that it understands',
  521: 'refuses connections',
  522: 'does not take connections in time',
  523: 'is at an address that cannot be reached',
  524: 'does not answer in time',
  525: 'does not complete the TLS handshake',
  526: 'has a certificate that is not valid for it',
};

/** What Cloudflare says in the text of a 530. */
const TUNNEL_CODES: Readonly<Record<string, string>> = {
  1016: 'has a host name that does not resolve',
  1033: 'is behind a Cloudflare Tunnel that is not connected: see whether cloudflared runs',
};

function errorCode(text: string): string {
  return /error code: (\d{4})/i.exec(text)?.[1] ?? '';
}

/** https://developers.cloudflare.com/cloudflare-one/access-controls/service-credentials/service-tokens/ */
function isAccess(headers: Headers): boolean {
  const location = URL.parse(headers.get('location') ?? '')?.hostname ?? '';
  return (
    location.endsWith('.cloudflareaccess.com') ||
    headers.has('cf-access-domain') ||
    headers.has('cf-access-aud') ||
    /cloudflare-access/i.test(headers.get('www-authenticate') ?? '')
  );
}

function accessHint({ headers }: ListAnswer): string {
  return isAccess(headers) ? `: ${ACCESS_HINT}` : '';
}

function isPage({ headers, text }: ListAnswer): boolean {
  return (headers.get('content-type') ?? '').toLowerCase().includes('html') || /^\s*<(?:!doctype|html)/i.test(text);
}

function strange(parsed: unknown): string {
  if (parsed === undefined) return 'does not answer with JSON';
  // https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol
  if (isRecord(parsed) && Array.isArray(parsed['models']))
    return "lists models by KServe's V1 protocol there, which is no OpenAI API";
  return 'answers with JSON that is no list of models';
}

function listIn(parsed: unknown): readonly unknown[] | undefined {
  if (Array.isArray(parsed)) return parsed;
  const data = isRecord(parsed) ? parsed['data'] : undefined;
  return Array.isArray(data) ? data : undefined;
}

function idsOf(list: readonly unknown[]): string[] {
  const ids = list.flatMap((item) => {
    const id = isRecord(item) ? item['id'] : undefined;
    return typeof id === 'string' && id.length > 0 && id.length <= MAX_ID_LENGTH && !CONTROL.test(id) ? [id] : [];
  });
  return [...new Set(ids)].slice(0, MAX_MODELS);
}

const CONTROL = /\p{Cc}/u;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
