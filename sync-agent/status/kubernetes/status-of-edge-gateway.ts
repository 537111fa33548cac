import type { Json } from '../../../contract/canonical-json.ts';
import { cutText } from '../../cut-text.ts';
import type { DiscoveredModel } from '../../compile/compilation.ts';
import type { EdgeWordOfItself } from './status-facts.ts';
import type { StoredStatus } from './stored-status.ts';

/** Fields of an EdgeGateway's status beside its conditions. */
export const EDGE_FIELDS = [
  'published',
  'served',
  'isolates',
  'propagationSeconds',
  'attached',
  'discovered',
  'lastError',
] as const;
/** Those that change often and are read seldom. */
export const EDGE_COUNTS: readonly string[] = ['isolates', 'propagationSeconds', 'attached'];

/** As many as the schema of the status lets in. */
const MOST_ISOLATE_REVISIONS = 32;
const MOST_DISCOVERED = 256;
const LONGEST_ERROR = 4_096;
const LONGEST_MESSAGE = 1_024;

/** What the agent does not know (yet) stays as it is stored: a new leader needs no memory, and takes none away. */
export function edgeGatewayFields(
  { observation, attached, discovered }: EdgeWordOfItself,
  stored: StoredStatus,
): Readonly<Record<string, Json>> {
  const { published, served, isolates, propagationSeconds, lastError } = observation;
  const isKnown = published !== undefined || lastError !== undefined;
  const known: Readonly<Record<(typeof EDGE_FIELDS)[number], Json | undefined>> = {
    published,
    served,
    isolates: isolates?.slice(0, MOST_ISOLATE_REVISIONS).map((one) => ({ ...one })),
    propagationSeconds,
    attached: attached && { ...attached },
    discovered: discovered.length === 0 ? undefined : discovered.slice(0, MOST_DISCOVERED).map(discoveredStatus),
    lastError: lastError && { ...lastError, message: cutText(lastError.message, LONGEST_ERROR) },
  };
  const isOver = (field: string): boolean =>
    (field === 'lastError' && isKnown) || (field === 'discovered' && attached !== undefined);
  return Object.fromEntries(
    EDGE_FIELDS.flatMap((field) => {
      const value = known[field] ?? (isOver(field) ? undefined : stored.fields[field]);
      return value === undefined ? [] : [[field, value]];
    }),
  );
}

function discoveredStatus({ kind, namespace, name, modelName, message }: DiscoveredModel): Json {
  const told = message === undefined ? {} : { message: cutText(message, LONGEST_MESSAGE) };
  return { kind, namespace, name, modelName, ...told };
}
