import type { StatusSink } from './status-sink.ts';

/** Reports to all of them, in this order. */
export function unitedSink(sinks: readonly StatusSink[]): StatusSink {
  return {
    report: (event) => {
      for (const sink of sinks) sink.report(event);
    },
  };
}
