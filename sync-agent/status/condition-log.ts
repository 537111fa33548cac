import type { Condition } from '../compile/compilation.ts';
import type { Logger } from '../log.ts';
import type { ResourceKey } from '../snapshot.ts';
import type { AgentEvent, StatusSink } from './status-sink.ts';

/** A sink for agents whose only reader is the log: writes what stands against resources, each thing once. */
export function conditionLog(logger: Logger): StatusSink {
  /** By edge and kind of event, because each event says all that there is of its kind. */
  const told = new Map<string, ReadonlySet<string>>();
  const tell = (topic: string, edge: string, faults: readonly (readonly [ResourceKey, Condition])[]) => {
    const name = `${topic} ${edge}`;
    const before = told.get(name);
    const now = new Set<string>();
    for (const [resource, { type, status, reason, message }] of faults) {
      const fault = JSON.stringify([resource, type, reason, message]);
      now.add(fault);
      if (!before?.has(fault)) logger.warn(message, { edge, resource, type, status, reason });
    }
    told.set(name, now);
  };
  return {
    report: (event: AgentEvent) => {
      if (event.type === 'no-edge') logger.warn('there is no EdgeGateway: nothing is published');
      if (event.type === 'compiled')
        tell(
          event.type,
          event.edge,
          [...event.conditions].flatMap(([key, list]) =>
            list.filter(({ status }) => status !== 'True').map((condition) => [key, condition] as const),
          ),
        );
      // Of Programmed the log has everything else already: what was published, served, held and failed.
      if (event.type === 'programmed')
        tell(
          event.type,
          event.edge,
          [...event.conditions].filter(([, { reason }]) => reason === 'Conflicted'),
        );
    },
  };
}
