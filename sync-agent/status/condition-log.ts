import type { Logger } from '../log.ts';
import type { AgentEvent, StatusSink } from './status-sink.ts';

/** A sink for agents whose only reader is the log: writes what stands against resources, each thing once. */
export function conditionLog(logger: Logger): StatusSink {
  let told = new Set<string>();
  return {
    report: (event: AgentEvent) => {
      if (event.type === 'no-edge') logger.warn('there is no EdgeGateway: nothing is published');
      if (event.type !== 'compiled') return;
      const now = new Set<string>();
      for (const [resource, conditions] of event.conditions)
        for (const { type, status, reason, message } of conditions) {
          if (status === 'True') continue;
          const fault = JSON.stringify([event.edge, resource, type, reason, message]);
          now.add(fault);
          if (!told.has(fault)) logger.warn(message, { edge: event.edge, resource, type, status, reason });
        }
      told = now;
    },
  };
}
