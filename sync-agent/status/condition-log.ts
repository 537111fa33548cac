import type { Condition } from '../compile/compilation.ts';
import type { Logger } from '../log.ts';
import type { ResourceKey } from '../snapshot.ts';
import type { AgentEvent, StatusSink } from './status-sink.ts';

type Fault = Readonly<Record<'resource' | 'type' | 'reason' | 'message', string>>;

/** A sink that writes what stands against resources into the log, each thing once, and that it does no more. */
export function conditionLog(logger: Logger): StatusSink {
  /** By edge and kind of event, because each event says all that there is of its kind. */
  const told = new Map<string, ReadonlyMap<string, Fault>>();
  const tell = (topic: string, edge: string, faults: readonly (readonly [ResourceKey, Condition])[]) => {
    const name = `${topic} ${edge}`;
    const before = told.get(name);
    const now = new Map<string, Fault>();
    for (const [resource, { type, status, reason, message }] of faults) {
      now.set(`${type} ${resource}`, { resource, type, reason, message });
      const known = before?.get(`${type} ${resource}`);
      if (known?.reason !== reason || known.message !== message)
        logger[reason === 'BackendPending' ? 'info' : 'warn'](message, { edge, resource, type, status, reason });
    }
    for (const [key, { resource, type, reason }] of before ?? [])
      if (!now.has(key)) logger.info('no longer so', { edge, resource, type, reason });
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
