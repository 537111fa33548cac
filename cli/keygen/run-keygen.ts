import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { styleText } from 'node:util';
import { stringify } from 'yaml';
import { sha256Hex } from '../../contract/encoding.ts';
import { makeVirtualKey } from '../../sync-agent/keys.ts';
import { renderClusterSecret } from '../../sync-agent/render-keys.ts';
import { makeEdgeKeys, workerSecrets, type EdgeKeys } from '../edge-keys.ts';
import type { KeygenOptions } from '../commands/keygen.ts';
import { CliError, EXIT } from '../exit-codes.ts';

/** What `fairlead keygen` does. */
export async function runKeygen(what: 'edge' | 'consumer', options: KeygenOptions): Promise<void> {
  if (what === 'consumer') await printConsumerKey(options.json === true);
  else await keygenEdge(options);
}

async function keygenEdge(options: KeygenOptions): Promise<void> {
  requireOrigin(options.endpoint);
  const keys = await makeEdgeKeys();
  const secrets = workerSecrets(keys, options.cluster, options.endpoint);
  const clusterSecret = renderClusterSecret({
    namespace: options.namespace,
    name: signingSecretName(options),
    signingKey: keys.signing,
    secretIdKey: keys.secretIdKey,
  });
  const edgeGateway = edgeGatewayFor(keys, options);
  if (options.json === true) {
    console.log(JSON.stringify({ workerSecrets: secrets, clusterSecret, edgeGateway }, null, 2));
    return;
  }
  await writeNewFiles(options.out, {
    'worker-secrets.json': `${JSON.stringify(secrets, null, 2)}\n`,
    'signing-key.yaml': clusterSecret,
    'edge-gateway.yaml': stringify(edgeGateway),
  });
  console.log(edgeInstructions(options));
}

function signingSecretName({ name }: KeygenOptions): string {
  return `${name}-signing-key`;
}

function edgeGatewayFor(keys: EdgeKeys, options: KeygenOptions) {
  return {
    apiVersion: 'fairlead.dev/v1alpha1',
    kind: 'EdgeGateway',
    metadata: { name: options.name, namespace: options.namespace },
    spec: {
      clusterName: options.cluster,
      endpoint: options.endpoint,
      publish: { type: 'Edge' },
      signingKeySecretRef: { name: signingSecretName(options) },
      sealingKeys: [{ kid: keys.sealing.kid, publicKey: keys.sealing.publicKey }],
    },
  };
}

function edgeInstructions({ out, endpoint, cluster }: KeygenOptions): string {
  const file = (name: string): string => styleText('bold', join(out, name));
  const command = (text: string): string => styleText('cyan', `  ${text}`);
  const isPrivate = styleText('yellow', 'private');
  return `Keys for the edge ${endpoint} and the cluster ${cluster}:

  ${file('worker-secrets.json')}  what the worker verifies and opens with  ${isPrivate}
  ${file('signing-key.yaml')}     what the agent signs with                ${isPrivate}
  ${file('edge-gateway.yaml')}    the edge, as the cluster sees it         public

Install them:

${command(`npm run deploy -- --secrets-file ${join(out, 'worker-secrets.json')}`)}
${command(`kubectl apply -f ${join(out, 'signing-key.yaml')} -f ${join(out, 'edge-gateway.yaml')}`)}

Then move the private files to where you keep secrets, or delete them: a new pair is made as easily.`;
}

async function printConsumerKey(json: boolean): Promise<void> {
  const key = makeVirtualKey();
  const sha256 = await sha256Hex(key);
  if (json) {
    console.log(JSON.stringify({ key, sha256 }, null, 2));
    return;
  }
  console.log(`The caller's key. It is shown once, and nothing stores it:

  ${styleText('bold', key)}

What its Consumer says instead:

  spec:
    keys:
      - name: key-1
        type: SHA256
        sha256: ${sha256}`);
}

function requireOrigin(endpoint: string): void {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url?.origin === endpoint && /^https?:$/.test(url.protocol)) return;
  throw new CliError(`--endpoint must be an origin such as https://llm.example.com, not ${endpoint}`, EXIT.usage);
}

async function writeNewFiles(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const [name, content] of Object.entries(files))
      await writeFile(join(folder, name), content, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const taken = 'code' in error && error.code === 'EEXIST';
    throw new CliError(
      taken ? `${folder} holds keys already: choose another folder with --out` : error.message,
      EXIT.environment,
    );
  }
}
