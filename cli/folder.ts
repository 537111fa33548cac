import type { Resource } from '../crds/parse-resource.ts';
import { stat } from 'node:fs/promises';
import { readDirectory } from '../sync-agent/source/read-directory.ts';
import type { Problem } from '../sync-agent/source/source.ts';
import { resourceId, type ResourceOf } from '../sync-agent/snapshot.ts';
import { localGateway, signingSecret } from './dev/local-resources.ts';
import { makeEdgeKeys } from './edge-keys.ts';
import { CliError, EXIT } from './exit-codes.ts';

/** A folder of resources, ready to be compiled for each of its edges. */
export interface Folder {
  readonly resources: readonly Resource[];
  readonly problems: readonly Problem[];
  readonly gateways: readonly ResourceOf<'EdgeGateway'>[];
  /** What was added so that the folder compiles, each a sentence. */
  readonly additions: readonly string[];
}

/** @throws {CliError} where the path is not a folder that can be read */
export async function requireFolder(path: string): Promise<void> {
  const found = await stat(path).catch((error: unknown) => {
    const reason =
      error instanceof Error && 'code' in error && error.code === 'ENOENT' ? 'does not exist' : String(error);
    throw new CliError(`${path} ${reason}: name a folder of YAML resources`, EXIT.environment);
  });
  if (!found.isDirectory()) throw new CliError(`${path} is a file: name a folder of YAML resources`, EXIT.environment);
}

/**
 * Reads a folder for `compile` and `explain`, which publish nothing: where it holds no EdgeGateway, or not the Secret
 * that one signs with (nobody keeps those in Git), a stand-in is added.
 */
export async function readFolder(path: string): Promise<Folder> {
  await requireFolder(path);
  const { resources, problems } = await readDirectory(path);
  const additions: string[] = [];
  const added: Resource[] = [];
  // A constant key for naming secrets: the same folder gives the same bytes.
  const keys = { ...(await makeEdgeKeys()), secretIdKey: Buffer.alloc(32).toString('base64url') };

  let gateways = resources.filter((resource): resource is ResourceOf<'EdgeGateway'> => resource.kind === 'EdgeGateway');
  if (gateways.length === 0) {
    const gateway = localGateway(resources, keys);
    gateways = [gateway];
    added.push(gateway);
    additions.push(
      `the folder has no EdgeGateway: compiled for one named ${resourceId(gateway.metadata)} that allows everything local`,
    );
  }
  const secrets = new Set(
    resources.filter(({ kind }) => kind === 'Secret').map(({ metadata }) => resourceId(metadata)),
  );
  for (const { metadata, spec } of gateways) {
    const name = { namespace: metadata.namespace, name: spec.signingKeySecretRef.name };
    if (secrets.has(resourceId(name))) continue;
    secrets.add(resourceId(name));
    added.push(signingSecret(name, keys));
    additions.push(`Secret ${resourceId(name)} is not in the folder: a made-up key stands in for it`);
  }
  return { resources: [...resources, ...added], problems, gateways, additions };
}
