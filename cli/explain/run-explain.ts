import { createHash } from 'node:crypto';
import { SECTION_KINDS, type ConsumerEntry, type Operation, type SectionHashes } from '../../contract/routing-table.ts';
import type { Compilation } from '../../sync-agent/compile/compilation.ts';
import { resourceId } from '../../sync-agent/snapshot.ts';
import { endpointOf, withoutPort } from '../../worker/pipeline/endpoint.ts';
import { planRequest } from '../../worker/pipeline/plan-request.ts';
import { tableOf } from '../../worker/table/open-table.ts';
import type { ClusterTable, ServedConsumer } from '../../worker/table/served-table.ts';
import { OPERATION_PATHS, type ExplainOptions } from '../commands/explain.ts';
import { chooseGateway } from '../dev/overlay.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { faultsOf } from '../faults.ts';
import { compilableResources, compileForEdge } from '../compilable-resources.ts';
import { isReported, placeName, type Place } from '../places/place.ts';
import { withReading } from '../places/with-reading.ts';
import { explanationAsJson, renderExplanation, type Explanation } from './explanation.ts';
import { whyRefused } from './why-refused.ts';

/** What `fairlead explain` does. */
export async function runExplain(place: Place, options: ExplainOptions): Promise<void> {
  const explanation = await explain(place, options);
  console.log(
    options.json === true ? JSON.stringify(explanationAsJson(explanation), null, 2) : renderExplanation(explanation),
  );
  process.exitCode = explanation.plan.type === 'Serve' ? EXIT.ok : EXIT.rejected;
}

async function explain(place: Place, options: ExplainOptions): Promise<Explanation> {
  const { resources, gateways, problems, notes } = await withReading(place, compilableResources);
  const gateway = chooseGateway(gateways, options.edge);
  if (gateway === undefined)
    throw new CliError(`${placeName(place)} has no EdgeGateway ${options.edge ?? ''}`, EXIT.usage);
  const edge = resourceId(gateway.metadata);
  const { compilation, note } = await compileForEdge(resources, edge);
  const table = openCompiled(compilation, gateway.spec.clusterName);
  const { consumer, credential } = await findConsumer(table, compilation, options);

  const { model, operation } = options;
  const path = options.path ?? OPERATION_PATHS[operation];
  requireEndpoint(path, operation);
  const host = (options.host ?? new URL(gateway.spec.endpoint).host).toLowerCase();
  const headers = new Map(options.header.map(({ name, value }) => [name.toLowerCase(), value]));
  const asked = {
    host: withoutPort(host),
    path,
    header: (name: string) => headers.get(name),
    model,
    operation,
    consumer,
    conversation: () => options.conversation,
  };
  const plan = planRequest(table, asked);
  const why = plan.type === 'Refuse' ? whyRefused(table, plan, asked) : undefined;
  const request = { model, operation, host, path, credential };
  const faults = faultsOf(compilation).filter(({ resource }) => isReported(place, resource));
  return { edge, request, plan, why, faults, problems, notes: note === undefined ? notes : [...notes, note] };
}

/** A path that is no endpoint, or another's, would never meet a model this way. */
function requireEndpoint(path: string, operation: Operation): void {
  if (endpointOf(path) === OPERATION_PATHS[operation]) return;
  throw new CliError(
    `--path ${path} is not that of ${operation}: it must end in ${OPERATION_PATHS[operation]}, with a route's prefix before it`,
    EXIT.usage,
  );
}

/** The table as an isolate would serve it; sealed secrets are left out, since planning needs none. */
function openCompiled({ sections }: Compilation, cluster: string): ClusterTable {
  const hashes: SectionHashes = { routes: [], models: [], providers: [], consumers: [], secrets: [], keys: [] };
  const blobs = new Map<string, Uint8Array>();
  for (const kind of SECTION_KINDS) {
    if (kind === 'secrets') continue;
    hashes[kind] = sections[kind].map(({ sha256 }) => sha256);
    for (const { sha256, bytes } of sections[kind]) blobs.set(sha256, bytes);
  }
  const named = { cluster, revision: 'not-published', generation: { term: 0, sequence: 0 } };
  return tableOf({ ...named, sections: hashes }, blobs);
}

interface FoundConsumer {
  readonly consumer: ServedConsumer | undefined;
  /** What the request shows, in words. */
  readonly credential: string;
}

async function findConsumer(
  table: ClusterTable,
  compilation: Compilation,
  { key, consumer: id }: ExplainOptions,
): Promise<FoundConsumer> {
  if (id !== undefined) {
    const consumer = consumerNamed(compilation, id);
    if (consumer === undefined)
      throw new CliError(`no key of a consumer ${id} ships to this edge: see \`fairlead compile\``, EXIT.rejected);
    return { consumer: { ...consumer, cluster: table.cluster }, credential: `the key ${consumer.key} of ${id}` };
  }
  if (key === undefined) return { consumer: undefined, credential: 'no key' };
  const digest = createHash('sha256').update(key).digest();
  const consumer = table.hasKey(digest) ? await table.consumer(digest.toString('hex')) : undefined;
  if (consumer === undefined) return { consumer, credential: 'a key that this edge does not know' };
  if (consumer.expiresAt !== undefined && Date.parse(consumer.expiresAt) <= Date.now())
    return {
      consumer: undefined,
      credential: `the key ${consumer.key} of ${consumer.id}, expired ${consumer.expiresAt}`,
    };
  return { consumer, credential: `the key ${consumer.key} of ${consumer.id}` };
}

function consumerNamed({ sections }: Compilation, id: string): ConsumerEntry | undefined {
  for (const { bytes } of sections.consumers) {
    const entries: Record<string, ConsumerEntry> = JSON.parse(new TextDecoder().decode(bytes));
    const found = Object.values(entries).find((entry) => entry.id === id);
    if (found !== undefined) return found;
  }
  return undefined;
}
