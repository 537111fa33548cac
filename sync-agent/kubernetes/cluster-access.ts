import type { ConnectionOptions } from 'node:tls';

/** Where an API server is, and who asks it. */
export interface ClusterAccess {
  /** Origin, and a path where it stands behind one; no slash at the end. */
  readonly server: string;
  /** The namespace of the kubeconfig's context or of the pod; `default` where neither says one. */
  readonly namespace: string;
  /** An HTTP proxy on the way. */
  readonly proxy: string | undefined;
  /** What to do where the credentials are not accepted, as the end of a sentence. */
  readonly whenRefused: string;
  /**
   * The credentials of the moment.
   *
   * @param isRefused the last ones were not accepted: nothing that is remembered of them may be used
   */
  read(isRefused: boolean): Promise<Credentials>;
}

export interface Credentials {
  /** Of the header `Authorization`. */
  readonly authorization: string | undefined;
  /** What connections are made with. */
  readonly tls: TlsMaterial;
}

export type TlsMaterial = Pick<
  ConnectionOptions,
  'ca' | 'cert' | 'key' | 'pfx' | 'passphrase' | 'rejectUnauthorized' | 'servername'
>;

/** Nothing tells where the cluster is, or who asks it. The message says what to do. */
export class AccessFailure extends Error {
  override name = 'AccessFailure';
}
