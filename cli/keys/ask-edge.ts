import { importSigningKey, verifyPointer } from '../../contract/revision.ts';
import { sectionSchemas, type SectionHashes } from '../../contract/routing-table.ts';
import { sealedFor } from '../../contract/sealed-secret.ts';
import { systemClock } from '../../sync-agent/clock.ts';
import { forEachBounded } from '../../sync-agent/for-each-bounded.ts';
import { createEdgeClient, type EdgeClient } from '../../sync-agent/publish/edge-client.ts';
import { PublishFailure } from '../../sync-agent/publish/publish-failure.ts';
import { explained, NEVER } from '../edges/operated-edge.ts';
import { isolatesOf } from '../isolates-of.ts';
import type { KeyFolder, SigningJwk } from './key-folder.ts';

const CALL_TIMEOUT_MS = 10_000;
const PARALLEL_READS = 8;

/** The edge of a keys folder, asked in the name of its cluster with one of the folder's signing keys. */
export async function edgeOf({ gateway }: KeyFolder, key: SigningJwk): Promise<EdgeClient> {
  return createEdgeClient({
    endpoint: gateway.spec.endpoint,
    cluster: gateway.spec.clusterName,
    signingKey: await importSigningKey(key),
    fetch: globalThis.fetch,
    clock: systemClock,
    timeoutMs: CALL_TIMEOUT_MS,
  });
}

/** Whether the edge takes what the client's key signs. @throws {CliError} where it cannot be asked */
export async function acceptsKey(client: EdgeClient): Promise<boolean> {
  try {
    await client.state(NEVER);
    return true;
  } catch (error) {
    if (error instanceof PublishFailure && error.fault === 'unauthorized') return false;
    return explained(() => Promise.reject(error));
  }
}

/** Why the edge cannot do without an older signing key yet: sentences; none where it can. */
export async function signingObstacles(client: EdgeClient, key: SigningJwk): Promise<string[]> {
  // Before the state, so that the isolate which answers is among those that were heard of.
  const probe = await explained(() => client.probe(NEVER));
  const { current, serving } = await explained(() => client.state(NEVER));
  if (!current) return ['the edge holds no table of this cluster: an agent must publish one, signed with the new key'];
  if (!(await isSignedBy(current.jws, key)))
    return [`revision ${current.revision}, which the edge holds, is signed with another key than ${key.kid}`];
  const others = serving.filter(({ revision }) => revision !== current.revision);
  const behind = others.reduce((sum, { count }) => sum + count, 0);
  if (behind === 0 && probe.revision === current.revision) return [];
  return [`${isolatesOf(Math.max(behind, 1))} of those heard of serve another revision than ${current.revision}`];
}

async function isSignedBy(jws: string, { d: _private, ...publicJwk }: SigningJwk): Promise<boolean> {
  const verifying = await importSigningKey(publicJwk);
  return verifyPointer(jws, (kid) => (kid === verifying.kid ? verifying : undefined)).then(
    () => true,
    () => false,
  );
}

/** Why the edge cannot do without an older sealing key yet: sentences; none where it can. */
export async function sealingObstacles(client: EdgeClient, oldKid: string): Promise<string[]> {
  const { revisions } = await explained(() => client.history(NEVER));
  const { serving } = await explained(() => client.state(NEVER));
  const sealedToOld = await bucketsSealedTo(
    client,
    oldKid,
    revisions.map(({ pointer }) => pointer.sections),
  );
  const needing = revisions.filter(({ pointer }) => pointer.sections.secrets.some((hash) => sealedToOld.has(hash)));
  const kept = new Set(revisions.map(({ revision }) => revision));
  const elsewhere = serving.filter(({ revision }) => revision !== null && !kept.has(revision));
  const names = needing.map(({ revision }) => revision).join(', ');
  return [
    ...(needing.length === 0
      ? []
      : [
          `${needing.length} of ${revisions.length} kept revisions hold secrets that are sealed to ${oldKid}: ${names}`,
        ]),
    ...elsewhere.map(
      ({ revision, count }) =>
        `${isolatesOf(count)} last heard of with revision ${revision}, which is not kept any more`,
    ),
  ];
}

/** Those buckets of secrets of which at least one is sealed to the key. */
async function bucketsSealedTo(
  client: EdgeClient,
  kid: string,
  tables: readonly SectionHashes[],
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  const buckets = [...new Set(tables.flatMap(({ secrets }) => secrets))];
  await forEachBounded(buckets, PARALLEL_READS, async (hash) => {
    const bytes = await explained(() => client.getBlob(hash, NEVER));
    const entries = sectionSchemas.secrets.parse(JSON.parse(new TextDecoder().decode(bytes)));
    if (Object.values(entries).some(({ sealed }) => sealedFor(sealed).kid === kid)) found.add(hash);
  });
  return found;
}
