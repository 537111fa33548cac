import type { Clock } from '../../../sync-agent/clock.ts';
import type { Blob, PublishWay, SecretToSeal } from '../../../sync-agent/compile/compilation.ts';
import { Section } from '../../../sync-agent/compile/section.ts';
import { makeSealingKey, makeSigningKey } from '../../../sync-agent/keys.ts';
import { silentLogger, type Logger } from '../../../sync-agent/log.ts';
import { plan, type DesiredTable, type HeldTable } from '../../../sync-agent/plan.ts';
import { openPublisher } from '../../../sync-agent/publish/open-publisher.ts';
import type { Publisher } from '../../../sync-agent/publish/publisher.ts';
import { readSigningIdentity } from '../../../sync-agent/publish/signing-identity.ts';
import { canonicalJson, type Json } from '../../../contract/canonical-json.ts';
import { SCHEMA_VERSION } from '../../../contract/schema-version.ts';
import { importSealingPrivateKey, openSecret } from '../../../contract/sealed-secret.ts';
import { CLUSTER, EDGE, FakeEdge } from './fake-edge.ts';
import { hastyClock } from './manual-clock.ts';

export const CALL_TIMEOUT_MS = 10_000;
const STORE_TIMEOUT_MS = 60_000;
export const CLUSTER_UID = 'c0ffee00-0000-4000-8000-000000000000';

const signingPair = await makeSigningKey();
const sealingPair = await makeSealingKey();
export const signingJwk = JSON.stringify(signingPair.privateJwk);
export const sealingKeyFields = { kid: sealingPair.kid, publicKey: sealingPair.publicKey };
const identity = await readSigningIdentity(signingJwk);

/** A table for tests: entries of `routes` and secrets by id. */
export interface TableContent {
  readonly routes: Readonly<Record<string, Json>>;
  readonly secrets: Readonly<Record<string, string>>;
}

export function fakeEdge(clock: Pick<Clock, 'now'> = { now: () => Date.parse('2026-11-01T00:00:00Z') }): FakeEdge {
  return new FakeEdge([identity.verifying], clock.now);
}

/** A clock that makes no test wait, and never ends a call. */
export function impatientClock() {
  return hastyClock((ms) => ms === CALL_TIMEOUT_MS || ms === STORE_TIMEOUT_MS);
}

interface PublisherSettings {
  readonly clock: Clock;
  readonly clusterUid: string;
  readonly jwk: string;
  readonly random: () => number;
  readonly logger: Logger;
  readonly way: PublishWay;
  /** The network, where there is more on it than the edge. */
  readonly fetch: typeof fetch;
}

export async function publisherTo(edge: FakeEdge, settings: Partial<PublisherSettings> = {}): Promise<Publisher> {
  const { clock = { ...impatientClock(), now: edge.now }, clusterUid = CLUSTER_UID, way = { type: 'Edge' } } = settings;
  const { jwk = signingJwk, random = () => 0.5, logger = silentLogger, fetch = edge.fetch } = settings;
  const guards = {
    suspend: false,
    pinnedRevision: undefined,
    allowShrink: undefined,
    deletionPolicy: 'Retain',
  } as const;
  const keys = { signingKey: jwk, sealingKey: sealingKeyFields };
  const target = { way, guards, endpoint: EDGE, cluster: CLUSTER, ...keys };
  return openPublisher(target, null, { fetch, clock, random, logger, clusterUid });
}

/** What the controller does with one desired table: read, seal, plan, publish. */
export async function bring(
  publisher: Publisher,
  content: TableContent,
  signal: AbortSignal = new AbortController().signal,
): Promise<{ published: boolean; held: HeldTable }> {
  const { held } = await publisher.read(signal);
  const planned = plan(held, await desiredTable(publisher, content));
  if (planned.type === 'Unchanged') return { published: false, held: planned.held };
  return { published: true, held: (await publisher.publish(planned, signal)).held };
}

export async function desiredTable(publisher: Publisher, { routes, secrets }: TableContent): Promise<DesiredTable> {
  return {
    schemaVersion: SCHEMA_VERSION,
    edge: EDGE,
    cluster: CLUSTER,
    clusterUid: CLUSTER_UID,
    kid: publisher.kid,
    blobs: {
      routes: section('routes', routes),
      models: [],
      providers: [],
      consumers: [],
      keys: [],
      secrets: await publisher.seal(Object.entries(secrets).map(([id, value]) => secretToSeal(id, value))),
    },
  };
}

/** @param id short: it is padded to the 64 digits of an HMAC */
export function secretToSeal(id: string, value: string): SecretToSeal {
  return { id: id.padEnd(64, '0'), value, provider: 'ai/openai', origins: ['https://api.openai.com'] };
}

function section(kind: 'routes', entries: Readonly<Record<string, Json>>): readonly Blob[] {
  const built = new Section(kind);
  for (const [id, entry] of Object.entries(entries)) built.put({ id, json: canonicalJson(entry) });
  return built.blobs();
}

/** The secrets that the edge now holds, opened with its private key. */
export async function openedSecrets(edge: FakeEdge): Promise<Record<string, string>> {
  const key = await importSealingPrivateKey(sealingPair.privateJwk);
  const opened: Record<string, string> = {};
  for (const hash of edge.current?.pointer.sections.secrets ?? []) {
    const bucket: Record<string, { sealed: string }> = JSON.parse(new TextDecoder().decode(edge.blobs.get(hash)));
    for (const [id, { sealed }] of Object.entries(bucket))
      opened[id.replace(/0+$/, '')] = (await openSecret(sealed, () => key)).value;
  }
  return opened;
}

/** The routes that the edge now holds. */
export function heldRoutes(edge: FakeEdge): Record<string, unknown> {
  return Object.fromEntries(heldEntries(edge, 'routes'));
}

export function heldEntries(
  edge: FakeEdge,
  kind: 'routes' | 'providers' | 'consumers' | 'models',
): [string, unknown][] {
  return (edge.current?.pointer.sections[kind] ?? []).flatMap((hash) => {
    const bucket: Record<string, unknown> = JSON.parse(new TextDecoder().decode(edge.blobs.get(hash)));
    return Object.entries(bucket);
  });
}
