import { secretValue } from '../../crds/secret.ts';
import { systemClock } from '../../sync-agent/clock.ts';
import type { Compilation } from '../../sync-agent/compile/compilation.ts';
import { createCompiler } from '../../sync-agent/compile/compile.ts';
import { createEdgeClient, type EdgeClient } from '../../sync-agent/publish/edge-client.ts';
import { PublishFailure } from '../../sync-agent/publish/publish-failure.ts';
import { readSigningIdentity } from '../../sync-agent/publish/signing-identity.ts';
import { SIGNING_KEY } from '../../sync-agent/render-keys.ts';
import {
  resourceId,
  type Resource,
  type ResourceId,
  type ResourceKey,
  type ResourceOf,
} from '../../sync-agent/snapshot.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { placeName } from '../places/place.ts';
import { isStandIn } from '../places/unread-secrets.ts';
import { compileAsSeen } from './compile-as-seen.ts';
import { lookThrough } from './look-through.ts';
import type { OperatedResources } from './operated-resources.ts';
import { TableReader } from './table-reader.ts';

/** One edge, ready to be asked as its agent would ask; nothing here claims a term. */
export interface OperatedEdge {
  readonly id: ResourceId;
  readonly gateway: ResourceOf<'EdgeGateway'>;
  readonly client: EdgeClient;
  /** Id of the key that signs. */
  readonly kid: string;
  /** What the resources compile to. */
  readonly compilation: Compilation;
  /** Resources of whose secrets or keys some are not known here: those cannot be compared. */
  readonly unknownSecrets: ReadonlySet<ResourceKey>;
  readonly tables: TableReader;
}

type Gateway = ResourceOf<'EdgeGateway'>;

const CALL_TIMEOUT_MS = 10_000;

/** Ends with the process: a person who has waited enough interrupts it. */
export const NEVER: AbortSignal = new AbortController().signal;

/** @throws {CliError} where the key to ask with is not there */
export async function openEdge(operated: OperatedResources, gateway: Gateway): Promise<OperatedEdge> {
  const { endpoint, clusterName: cluster } = gateway.spec;
  const { signing } = await signingIdentity(operated, gateway);
  const client = createEdgeClient({
    endpoint,
    cluster,
    signingKey: signing,
    fetch: globalThis.fetch,
    clock: systemClock,
    timeoutMs: CALL_TIMEOUT_MS,
  });
  const id = resourceId(gateway.metadata);
  const look = lookThrough(client, gateway);
  const compilation = await compileAsSeen(createCompiler(id), operated.resources, (wanted) => look(wanted, NEVER));
  const tables = new TableReader((sha256) => client.getBlob(sha256, NEVER));
  for (const blobs of [compilation.sections.routes, compilation.sections.models]) tables.learn(blobs);
  for (const blobs of [compilation.sections.providers, compilation.sections.consumers]) tables.learn(blobs);
  const unknownSecrets = new Set([...operated.unknownConsumers, ...providersWithStandIns(compilation)]);
  return { id, gateway, client, kid: signing.kid, compilation, unknownSecrets, tables };
}

function providersWithStandIns({ secrets }: Compilation): ResourceKey[] {
  return secrets.filter(({ value }) => isStandIn(value)).map(({ provider }) => `LLMProvider/${provider}`);
}

async function signingIdentity({ place, resources }: OperatedResources, { metadata, spec }: Gateway) {
  const id = resourceId({ namespace: metadata.namespace, name: spec.signingKeySecretRef.name });
  const secret = resources.find(
    (resource): resource is ResourceOf<'Secret'> => resource.kind === 'Secret' && resourceId(resource.metadata) === id,
  );
  if (secret === undefined) {
    const why = isDenied(resources, id)
      ? `you may not read Secret ${id}`
      : `${placeName(place)} does not hold Secret ${id}`;
    throw new CliError(
      `${why}, whose key the edge ${spec.endpoint} asks for: name the folder that \`fairlead keygen\` wrote with --keys`,
      EXIT.environment,
    );
  }
  const text = new TextDecoder().decode(secretValue(secret, SIGNING_KEY) ?? new Uint8Array());
  return explained(() => readSigningIdentity(text));
}

function isDenied(resources: readonly Resource[], id: ResourceId): boolean {
  return resources.some(({ kind, metadata }) => kind === 'DeniedSecret' && resourceId(metadata) === id);
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
