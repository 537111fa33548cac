import { AUTHORITY, SERVER_CERTIFICATE, SERVER_KEY } from './certificates.ts';
import { startLocalHttpServer, type HttpCall, type LocalHttpServer } from './local-http-server.ts';

/** Stand-ins for the ways into a private cluster: each lets calls through to a model server, or refuses them. */
export interface PrivateOrigin extends LocalHttpServer {
  /** What was let through, in order. */
  readonly passed: readonly HttpCall[];
}

/**
 * What Cloudflare Access does in front of a tunnel: a page for everybody without the service token.
 *
 * @param behind origin of the model server, asked at each call
 */
export function startAccessOrigin(behind: () => string, token: { id: string; secret: string }): Promise<PrivateOrigin> {
  return startPrivateOrigin(behind, ({ headers }) => {
    const isKnown =
      headers.get('cf-access-client-id') === token.id && headers.get('cf-access-client-secret') === token.secret;
    if (isKnown) return undefined;
    return new Response('<!DOCTYPE html><title>Forbidden</title>', {
      status: 403,
      headers: { 'content-type': 'text/html' },
    });
  });
}

/** A server that ends every handshake in which the client shows no certificate of its authority. */
export function startMutualTlsOrigin(behind: () => string): Promise<PrivateOrigin> {
  const tls = { key: SERVER_KEY, cert: SERVER_CERTIFICATE, ca: AUTHORITY, requestCert: true, rejectUnauthorized: true };
  return startPrivateOrigin(behind, () => undefined, tls);
}

/** A server of a private network, which tells by their host what calls are for. */
export function startPrivateHost(behind: () => string, host: string): Promise<PrivateOrigin> {
  return startPrivateOrigin(behind, ({ headers }) =>
    headers.get('host') === host ? undefined : new Response('no such host', { status: 404 }),
  );
}

async function startPrivateOrigin(
  behind: () => string,
  refusal: (call: HttpCall) => Response | undefined,
  tls?: Parameters<typeof startLocalHttpServer>[1],
): Promise<PrivateOrigin> {
  const passed: HttpCall[] = [];
  const server = await startLocalHttpServer(async (call) => {
    const refused = refusal(call);
    if (refused) return refused;
    passed.push(call);
    const { method, url, headers, body } = call;
    const type = headers.get('content-type');
    return fetch(new URL(url.pathname, behind()), {
      method,
      ...(type !== null && { headers: { 'content-type': type } }),
      ...(method !== 'GET' && { body }),
    });
  }, tls);
  return { ...server, passed };
}
