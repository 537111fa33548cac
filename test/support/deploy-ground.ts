import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { startEdge, type Edge } from '../../dev/edge.ts';
import { findFreePort } from '../../dev/find-free-port.ts';
import { instantPace } from '../../dev/simulator/pace.ts';
import { startSimulator, type Simulator } from '../../dev/simulator/server.ts';
import { startApiServer, type ApiServer } from './api-server.ts';
import { pageReader, type PageReader } from './page-commands.ts';

/** An empty cluster, an empty account, and somebody who reads docs/deploy.md: all of it on this machine. */
export interface DeployGround {
  readonly server: ApiServer;
  /** Types what stands on pages, with what is here in the place of what is elsewhere. */
  readonly reader: PageReader;
  /** What stands in for KServe's pods. */
  readonly gpus: Simulator;
  /** Of the vendor. */
  readonly vendorHost: string;
  /** Where the edge is, once it is deployed. */
  readonly url: string;
  /** A text of a page as it is here. */
  here(text: string): string;
  /** Lets the EdgeGateway of `fairlead keygen` lead to this machine, which is no public address. */
  allowThisMachine(): Promise<void>;
  /** Starts what wrangler would have uploaded, with the secrets of the file. */
  startEdge(): Promise<Edge>;
  dispose(): Promise<void>;
}

/** Of the vendor. */
export const PROVIDER_KEY = 'sk-of-the-provider';

export async function startDeployGround(): Promise<DeployGround> {
  const [server, vendor, gpus, port] = await Promise.all([
    startApiServer({ audit: true }),
    startSimulator({ pace: instantPace, apiKey: PROVIDER_KEY }),
    startSimulator({ pace: instantPace, models: ['qwen'] }),
    findFreePort(),
  ]);
  await server.kubectl(['apply', '--server-side', '-f', 'test/envtest/crds']);
  const url = `http://127.0.0.1:${port}`;
  const here = (text: string): string => inPlace(text, { edge: url, vendor: vendor.url, gpus: gpus.url });
  const variables = {
    OPENAI_API_KEY: PROVIDER_KEY,
    ACCESS_CLIENT_ID: 'id',
    ACCESS_CLIENT_SECRET: 'secret',
    FAIRLEAD_KEY: 'sk-fairlead-demo',
  };
  const reader = await pageReader(server, { edit: here, variables });
  let edge: Edge | undefined;
  return {
    server,
    reader,
    gpus,
    vendorHost: new URL(vendor.url).host,
    url,
    here,
    allowThisMachine: () => allowThisMachine(reader),
    async startEdge() {
      edge = await deployed(reader, port);
      return edge;
    },
    async dispose() {
      await Promise.all([edge?.dispose(), server.stop(), vendor.close(), gpus.close()]);
      await reader.dispose();
    },
  };
}

/** What leads elsewhere leads to this machine, what would be uploaded is kept, and what has no end ends. */
function inPlace(text: string, { edge, vendor, gpus }: Readonly<Record<'edge' | 'vendor' | 'gpus', string>>): string {
  return text
    .replaceAll('https://llm.example.com', edge)
    .replaceAll('https://api.openai.com/v1', `${vendor}/v1`)
    .replaceAll('https://qwen.gpu.example.com/openai/v1', `${gpus}/v1`)
    .replaceAll('api.openai.com', new URL(vendor).host)
    .replaceAll('qwen.gpu.example.com', new URL(gpus).host)
    .replace(/^npm run deploy(?: --)?/, 'npm run deploy -- --dry-run --outdir "$PWD/worker"')
    .replace('--secrets-file ', '--secrets-file "$PWD"/')
    .replace(/ -w\b/, '');
}

async function allowThisMachine({ folder }: PageReader): Promise<void> {
  const file = 'fairlead-keys/edge-gateway.yaml';
  const shape = z.looseObject({ spec: z.looseObject({}) });
  const gateway = shape.parse(parse(await readFile(join(folder.path, file), 'utf8')));
  const allowed = [{ name: 'local', namespaces: { type: 'All' }, privateAddresses: true, plainText: true }];
  await folder.write(file, stringify({ ...gateway, spec: { ...gateway.spec, allowed } }));
}

async function deployed({ folder }: PageReader, port: number): Promise<Edge> {
  const read = (file: string) => readFile(join(folder.path, file), 'utf8');
  const secrets = z.record(z.string(), z.string()).parse(JSON.parse(await read('fairlead-keys/worker-secrets.json')));
  const vars = { ...secrets, FAIRLEAD_LOCAL: 'true' };
  return startEdge({ port, script: await read('worker/index.js'), vars: () => vars });
}
