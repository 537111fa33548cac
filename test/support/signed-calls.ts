import { signRequest } from '../../contract/publish-request.ts';
import { PUBLISH_PATHS, hubState, type HubState } from '../../contract/publish-api.ts';
import { importSigningKey, type KeyWithId } from '../../contract/revision.ts';
import type { SigningKeyPair } from '../../sync-agent/keys.ts';

/** Whoever holds a key, calling the publish endpoints by hand: an agent, or somebody who has its key. */
export interface SignedCalls {
  readonly key: KeyWithId;
  call(method: string, path: string, body?: string | Uint8Array): Promise<CallAnswer>;
  state(): Promise<HubState>;
  putPointer(jws: string): Promise<CallAnswer>;
}

export interface CallAnswer {
  readonly status: number;
  readonly text: string;
  /** The hub's rule, where it refused. */
  readonly rule: string | undefined;
}

export interface Caller {
  /** Origin that is called. */
  readonly url: string;
  /** Origin that the edge goes by; absent: the same. */
  readonly edge?: string;
  readonly cluster: string;
  readonly signing: SigningKeyPair;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

export async function signedCalls({ url, edge = url, cluster, signing, now = Date.now }: Caller): Promise<SignedCalls> {
  const key = await importSigningKey(signing.privateJwk);
  const call = async (method: string, path: string, body: string | Uint8Array = ''): Promise<CallAnswer> => {
    const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body.slice();
    const authorization = await signRequest({ edge, method, path, body: bytes }, key, now());
    const response = await fetch(url + path, {
      method,
      headers: { authorization },
      ...(method !== 'GET' && { body: bytes }),
    });
    const text = await response.text();
    return { status: response.status, text, rule: ruleOf(text) };
  };
  return {
    key,
    call,
    state: async () => hubState.parse(JSON.parse((await call('GET', PUBLISH_PATHS.state(cluster))).text)),
    putPointer: (jws) => call('PUT', PUBLISH_PATHS.pointer(cluster), jws),
  };
}

function ruleOf(text: string): string | undefined {
  return /"refusal":\{"rule":"([a-z-]+)"/.exec(text)?.[1];
}
