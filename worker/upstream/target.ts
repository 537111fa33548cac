import { isPrivateHost } from '../../contract/private-host.ts';
import type { ProviderEntry } from '../../contract/routing-table.ts';

/** Where a provider is reached, worked out once for each entry of the table. */
export interface Target {
  readonly baseURL: string;
  /** As sealed secrets name it: an origin, or `binding:NAME`. */
  readonly origin: string;
  readonly host: string;
  /** Why nothing may be sent there; for the operator. */
  readonly fault: string | undefined;
}

const targets = new WeakMap<ProviderEntry, Target>();

export function targetOf(provider: ProviderEntry): Target {
  const known = targets.get(provider);
  if (known) return known;
  const url = new URL(provider.baseURL);
  const target = {
    baseURL: calledURL(provider).replace(/\/+$/, ''),
    origin: provider.binding === undefined ? url.origin : `binding:${provider.binding}`,
    host: url.hostname,
    fault: faultOf(url, provider),
  };
  targets.set(provider, target);
  return target;
}

/**
 * A Worker's `fetch` takes the header `Host` from the URL, whatever headers say. A binding that leads to one place does
 * not connect by the URL's host, so that this may be whatever the server there wants to hear.
 */
function calledURL({ baseURL, binding, hostHeader }: ProviderEntry): string {
  if (binding === undefined || hostHeader === undefined) return baseURL;
  const url = new URL(baseURL);
  url.port = '';
  url.host = hostHeader;
  return url.href;
}

function faultOf(url: URL, { binding, allow }: ProviderEntry): string | undefined {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return `its baseURL is neither https nor http`;
  // A binding leads where the deployment says, whatever the URL's host is.
  if (binding !== undefined) return undefined;
  if (url.protocol === 'http:' && !allow.plainText)
    return 'its baseURL is not https, and its EdgeGateway allows no plain text';
  if (isPrivateHost(url.hostname) && !allow.privateAddresses)
    return 'its baseURL is a private address, which its EdgeGateway does not allow';
  return undefined;
}
