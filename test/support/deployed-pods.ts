import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { bundleAgent } from '../../dev/bundle-agent.ts';
import { findFreePort } from '../../dev/find-free-port.ts';
import { SERVICE_ACCOUNT_FOLDER } from '../../sync-agent/kubernetes/pod-access.ts';
import type { ApiServer } from './api-server.ts';
import { AGENT_NAMESPACE } from './chart.ts';
import { spawnAgent, type AgentProcess } from './running-agent.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** Stands in for the kubelet of a cluster that has no nodes: runs what the chart's Deployment says. */
export interface DeployedPods {
  /** Another pod of the Deployment as it is now, with a token of its service account and nothing else. */
  start(): Promise<DeployedPod>;
  stop(): Promise<void>;
}

export interface DeployedPod extends AgentProcess {
  /** Of `/metrics` and what stands beside it. */
  readonly origin: string;
}

const deployment = z.object({
  spec: z.object({
    template: z.object({
      spec: z.object({
        serviceAccountName: z.string(),
        containers: z.array(z.object({ args: z.array(z.string()) })).length(1),
      }),
    }),
  }),
});

/** @param name of the release */
export async function deployedPods(server: ApiServer, name = 'fairlead'): Promise<DeployedPods> {
  const folder = await temporaryFolder();
  const account = join(folder.path, 'serviceaccount');
  const main = await bundleAgent(join(folder.path, 'app'), {
    replace: {
      'sync-agent/kubernetes/pod-access.ts': (source) => source.replace(SERVICE_ACCOUNT_FOLDER, account),
    },
  });
  const pods = new Set<AgentProcess>();
  let count = 0;
  return {
    async start() {
      const read = ['get', 'deployment', name, '-n', AGENT_NAMESPACE, '-o', 'json'];
      const { spec } = deployment.parse(JSON.parse(await server.kubectl(read))).spec.template;
      await writeAccount(server, account, spec.serviceAccountName);
      const podName = `${name}-${++count}`;
      const address = `127.0.0.1:${await findFreePort()}`;
      const flags = spec.containers
        .flatMap(({ args }) => args)
        .map((flag) => flag.replace('$(POD_NAME)', podName).replace('0.0.0.0:8080', address));
      const { hostname, port } = new URL(server.url);
      const env = {
        NODE_ENV: 'production',
        POD_NAME: podName,
        KUBERNETES_SERVICE_HOST: hostname,
        KUBERNETES_SERVICE_PORT: port,
      };
      const pod = spawnAgent(main, flags, env);
      pods.add(pod);
      return { ...pod, origin: `http://${address}` };
    },
    async stop() {
      await Promise.all([...pods].map((pod) => pod.kill()));
      await folder.dispose();
    },
  };
}

/** What a kubelet mounts. */
async function writeAccount(server: ApiServer, folder: string, name: string): Promise<void> {
  const token = await server.kubectl(['create', 'token', name, '-n', AGENT_NAMESPACE]);
  await mkdir(folder, { recursive: true });
  const files = { token: token.trim(), 'ca.crt': server.certificateAuthority, namespace: AGENT_NAMESPACE };
  for (const [file, content] of Object.entries(files)) await writeFile(join(folder, file), content, { mode: 0o600 });
}
