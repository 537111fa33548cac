import { AGENT_NAME } from '../../sync-agent/agent-name.ts';
import { systemClock } from '../../sync-agent/clock.ts';
import type { StatusOptions } from '../commands/status.ts';
import { NEVER, openEdge, type OperatedEdge } from '../edges/operated-edge.ts';
import { operatedResources, requireEdge, type OperatedResources } from '../edges/operated-resources.ts';
import { resourceId } from '../../sync-agent/snapshot.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import type { Place } from '../places/place.ts';
import { withReading } from '../places/with-reading.ts';
import { readAgentLease, type AgentLease } from './agent-lease.ts';
import { askEdge, askUnsigned, isAllRight, type AskedEdge, type SilentEdge } from './edge-status.ts';
import { renderStatus } from './render-status.ts';
import { writtenByAgent, type WrittenStatuses } from './written-status.ts';

/** One edge, and what was found out about it. */
export interface EdgeStatus {
  readonly edge: Pick<OperatedEdge, 'id' | 'gateway'>;
  readonly status: AskedEdge | SilentEdge;
  /** What the agent wrote, where the edge itself says nothing; only of a cluster. */
  readonly written: WrittenStatuses | undefined;
}

/** What was found out about a place. */
export interface PlaceStatus {
  readonly operated: OperatedResources;
  /** Of a cluster: whether an agent leads there. */
  readonly agent: AgentLease | undefined;
  readonly edges: readonly EdgeStatus[];
  /** What agents wrote, where a person may read no EdgeGateway of the cluster. */
  readonly written: WrittenStatuses | undefined;
}

/** What `fairlead status` does. */
export async function runStatus(place: Place, options: StatusOptions): Promise<void> {
  await withReading(place, async (reading) => {
    const status = await placeStatus(await operatedResources(reading, options), options);
    console.log(options.json === true ? JSON.stringify(asJson(status), null, 2) : renderStatus(status));
    process.exitCode = exitCodeOf(status);
  });
}

async function placeStatus(operated: OperatedResources, options: StatusOptions): Promise<PlaceStatus> {
  const { cluster, gateways } = operated;
  // A person of few rights may see no EdgeGateway, and still what agents wrote of the resources that they do see.
  const mayHideEdges = cluster !== undefined && operated.notes.length > 0 && options.edge === undefined;
  if (!mayHideEdges) requireEdge(operated, options);
  const lease = { namespace: options.agentNamespace, name: AGENT_NAME };
  const agent = cluster && (await readAgentLease(cluster.api, lease, systemClock, NEVER));
  const edges: EdgeStatus[] = [];
  for (const gateway of gateways) edges.push(await statusOf(operated, gateway));
  return { operated, agent, edges, written: gateways.length === 0 ? written(operated) : undefined };
}

/** An edge whose keys are not there does not keep the others from being asked. */
async function statusOf(
  operated: OperatedResources,
  gateway: OperatedResources['gateways'][number],
): Promise<EdgeStatus> {
  const id = resourceId(gateway.metadata);
  const status = await askOrSay(operated, gateway);
  return { edge: { id, gateway }, status, written: 'failure' in status ? written(operated, id) : undefined };
}

async function askOrSay(
  operated: OperatedResources,
  gateway: OperatedResources['gateways'][number],
): Promise<EdgeStatus['status']> {
  try {
    return await askEdge(await openEdge(operated, gateway), operated);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return { failure: error.message, unsigned: await askUnsigned(gateway) };
  }
}

function written({ place, resources, cluster }: OperatedResources, edge?: string): WrittenStatuses | undefined {
  return cluster && writtenByAgent(place, resources, cluster.stored, edge);
}

function exitCodeOf({ operated, agent, edges }: PlaceStatus): number {
  if (edges.length === 0 || edges.some(({ status }) => 'failure' in status)) return EXIT.environment;
  const isSound = operated.problems.every(({ severity }) => severity !== 'error');
  const isLed = agent?.type !== 'NotLed' && agent?.type !== 'Absent';
  return isSound && isLed && edges.every(({ status }) => !('failure' in status) && isAllRight(status))
    ? EXIT.ok
    : EXIT.rejected;
}

function asJson(status: PlaceStatus) {
  const { operated, agent, edges, written } = status;
  return {
    ok: exitCodeOf(status) === EXIT.ok,
    ...(agent && { agent }),
    edges: edges.map(({ edge, status, written }) => ({
      edge: edge.id,
      endpoint: edge.gateway.spec.endpoint,
      cluster: edge.gateway.spec.clusterName,
      reached: !('failure' in status),
      ...status,
      ...('programmed' in status && { programmed: Object.fromEntries(status.programmed) }),
      ...(written && { written }),
    })),
    ...(written && { written }),
    problems: operated.problems,
    notes: operated.notes,
  };
}
