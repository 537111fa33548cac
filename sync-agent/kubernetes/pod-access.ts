import { access, readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { AccessFailure, type ClusterAccess } from './cluster-access.ts';

export const SERVICE_ACCOUNT_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * The access that every pod has by its service account, or undefined where this is no pod. The kubelet replaces token
 * and certificate authority in place, so both are read anew with each use of `read`.
 *
 * @see https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
 * @throws {AccessFailure} where the files are there and cannot be read
 */
export async function findPodAccess(
  env: Readonly<Record<string, string | undefined>>,
  folder = SERVICE_ACCOUNT_FOLDER,
): Promise<ClusterAccess | undefined> {
  const host = env['KUBERNETES_SERVICE_HOST'];
  const port = env['KUBERNETES_SERVICE_PORT'] ?? '443';
  if (host === undefined || host === '' || !(await exists(join(folder, 'token')))) return undefined;
  return {
    server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    namespace: (await readText(folder, 'namespace').catch(() => '')) || 'default',
    proxy: undefined,
    whenRefused: 'the token of its service account is not accepted: delete the pod, so that it gets another',
    read: async () => {
      const [token, ca] = await Promise.all([readText(folder, 'token'), readText(folder, 'ca.crt')]);
      return { authorization: `Bearer ${token}`, tls: { ca } };
    },
  };
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function readText(folder: string, name: string): Promise<string> {
  try {
    return (await readFile(join(folder, name), 'utf8')).trim();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AccessFailure(
      `the service account's ${name} cannot be read (${reason}): the pod needs automountServiceAccountToken: true`,
      { cause: error },
    );
  }
}
