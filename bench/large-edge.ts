import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stringify } from 'yaml';
import { overlay } from '../cli/dev/overlay.ts';
import { makeEdgeKeys, workerSecrets, type EdgeKeys } from '../cli/edge-keys.ts';
import type { Resource } from '../sync-agent/snapshot.ts';
import { largeSnapshot } from '../test/support/large-snapshot.ts';

export const clusterName = 'bench';

/** Of one of the applications in the large snapshot, all of which may call all models of their team. */
export const largeKey = 'sk-fairlead-4711';

/** Of the routes of its team. */
export const largeHost = 'team-11.ai.example.com';

export type LargeEdge = {
  keys: EdgeKeys;
  /** Variables of the worker, for the origin that it will have. */
  vars: (origin: string) => Record<string, string>;
  /** About 10,000 resources that are published to that origin. */
  resources: (origin: string) => Resource[];
};

/** An edge on this machine that 10,000 resources are published to, before it is started. */
export async function largeEdge(): Promise<LargeEdge> {
  const keys = await makeEdgeKeys();
  return {
    keys,
    vars: (origin) => ({ ...workerSecrets(keys, clusterName, origin), FAIRLEAD_LOCAL: 'true' }),
    resources: (endpoint) => overlay(largeSnapshot(), { endpoint, clusterName, keys }),
  };
}

/** `namespace`: a file of several documents for each namespace. */
export type FolderShape = 'namespace' | 'resource';

/** Returns how many files there are. */
export async function writeResources(
  folder: string,
  resources: readonly Resource[],
  shape: FolderShape,
): Promise<number> {
  await mkdir(folder, { recursive: true });
  const files = Map.groupBy(resources, ({ kind, metadata: { namespace, name } }) =>
    shape === 'namespace' ? `${namespace}.yaml` : `${namespace}.${kind}.${name}.yaml`,
  );
  for (const [name, documents] of files)
    await writeFile(path.join(folder, name), documents.map((document) => stringify(document)).join('---\n'));
  return files.size;
}
