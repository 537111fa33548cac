import type { ProviderEntry } from '../../contract/routing-table.ts';
import type { UpstreamSide } from '../dialects/dialect.ts';
import { CredentialFault, type Credentials, type Recipient } from './credentials.ts';
import { targetOf } from './target.ts';

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** What calls go out by. */
export interface Reaching {
  readonly fetch: Fetch;
  /** The `fetch` of one of the worker's bindings. */
  readonly binding: (name: string) => { fetch: Fetch } | undefined;
  readonly credentials: Credentials;
}

/** The only way to a provider. */
export interface Reach {
  readonly baseURL: string;
  readonly fetch: Fetch;
  /** What must not be repeated from an answer. */
  readonly secrets: readonly string[];
}

/** The provider cannot be called as it is configured; for the operator, without a secret. */
export class Unreachable extends Error {
  override name = 'Unreachable';
}

/**
 * How a provider is reached as its entry says, and as its EdgeGateway allows.
 *
 * @param headers of the call: what the entry names is set, its credentials among it
 * @throws {Unreachable}
 */
export async function reachProvider(
  { fetch, binding, credentials }: Reaching,
  recipient: Recipient,
  upstream: Pick<UpstreamSide, 'credentialHeader'>,
  headers: Headers,
): Promise<Reach> {
  const { provider } = recipient;
  const { fault, baseURL } = targetOf(provider);
  if (fault !== undefined) throw new Unreachable(fault);
  const fetcher = fetcherOf(provider, fetch, binding);
  const secrets: string[] = [];
  try {
    for (const header of provider.headers) {
      const value =
        header.type === 'Value' ? header.value : await credentials.value({ type: 'Sealed', id: header.id }, recipient);
      if (header.type === 'Sealed') secrets.push(value);
      headers.set(header.name, value);
    }
    if (provider.auth) {
      const opening = credentials.value(provider.auth.credential, recipient);
      const value = typeof opening === 'string' ? opening : await opening;
      secrets.push(value);
      const [name, text] =
        provider.auth.header === undefined ? upstream.credentialHeader(value) : [provider.auth.header, value];
      headers.set(name, text);
    }
  } catch (error) {
    if (error instanceof CredentialFault) throw new Unreachable(error.message);
    throw error;
  }
  return { baseURL, fetch: fetcher, secrets };
}

function fetcherOf({ binding: name }: ProviderEntry, fetch: Fetch, binding: Reaching['binding']): Fetch {
  if (name === undefined) return fetch;
  const found = binding(name);
  if (!found) throw new Unreachable(`the worker has no binding ${name} that can be called`);
  return (url, init) => found.fetch(url, init);
}
