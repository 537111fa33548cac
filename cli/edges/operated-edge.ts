import { secretValue } from '../../crds/secret.ts';
import { systemClock } from '../../sync-agent/clock.ts';
import type { Compilation } from '../../sync-agent/compile/compilation.ts';
import { compile } from '../../sync-agent/compile/compile.ts';
import { createEdgeClient, type EdgeClient } from '../../sync-agent/publish/edge-client.ts';
import { PublishFailure } from '../../sync-agent/publish/publish-failure.ts';
import { readSigningIdentity } from '../../sync-agent/publish/signing-identity.ts';
import { SIGNING_KEY } from '../../sync-agent/render-keys.ts';
import { resourceId, type ResourceId, type ResourceOf } from '../../sync-agent/snapshot.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import type { OperatedFolder } from './operated-folder.ts';
import { TableReader } from './table-reader.ts';

/** One edge of a folder, ready to be asked as its agent would ask; nothing here claims a term. */
export interface OperatedEdge {
  readonly id: ResourceId;
  readonly gateway: ResourceOf<'EdgeGateway'>;
  readonly client: EdgeClient;
  /** Id of the key that signs. */
  readonly kid: string;
  /** What the folder compiles to. */
  readonly compilation: Compilation;
  readonly tables: TableReader;
}

const CALL_TIMEOUT_MS = 10_000;

/** Ends with the process: a person who has waited enough interrupts it. */
export const NEVER: AbortSignal = new AbortController().signal;

/** @throws {CliError} where the folder does not hold the key to ask with */
export async function openEdge(folder: OperatedFolder, gateway: ResourceOf<'EdgeGateway'>): Promise<OperatedEdge> {
  const { endpoint, clusterName: cluster } = gateway.spec;
  const { signing } = await signingIdentity(folder, gateway);
  const client = createEdgeClient({
    endpoint,
    cluster,
    signingKey: signing,
    fetch: globalThis.fetch,
    clock: systemClock,
    timeoutMs: CALL_TIMEOUT_MS,
  });
  const id = resourceId(gateway.metadata);
  const compilation = compile(folder.resources, id);
  const tables = new TableReader((sha256) => client.getBlob(sha256, NEVER));
  for (const blobs of [compilation.sections.routes, compilation.sections.models]) tables.learn(blobs);
  for (const blobs of [compilation.sections.providers, compilation.sections.consumers]) tables.learn(blobs);
  return { id, gateway, client, kid: signing.kid, compilation, tables };
}

async function signingIdentity({ dir, resources }: OperatedFolder, { metadata, spec }: ResourceOf<'EdgeGateway'>) {
  const id = resourceId({ namespace: metadata.namespace, name: spec.signingKeySecretRef.name });
  const secret = resources.find(
    (resource): resource is ResourceOf<'Secret'> => resource.kind === 'Secret' && resourceId(resource.metadata) === id,
  );
  if (secret === undefined)
    throw new CliError(
      `${dir} does not hold Secret ${id}, whose key the edge ${spec.endpoint} asks for: name the folder that ` +
        '`fairlead keygen` wrote with --keys',
      EXIT.environment,
    );
  const text = new TextDecoder().decode(secretValue(secret, SIGNING_KEY) ?? new Uint8Array());
  return explained(() => readSigningIdentity(text));
}

/** Runs what asks an edge. @throws {CliError} with its sentence for people where it failed */
export async function explained<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof PublishFailure) throw new CliError(error.message, EXIT.environment);
    throw error;
  }
}
