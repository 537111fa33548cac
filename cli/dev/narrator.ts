import type { EdgeLogLine } from '../../dev/edge.ts';
import type { AgentEvent } from '../../sync-agent/status/status-sink.ts';
import type { PasteableCommand } from './commands-to-paste.ts';

/** Tells what the local gateway does: to a person, or line by line as JSON to a program. */
export interface Narrator {
  /** Everything runs; the first table is on its way. */
  started(gateway: StartedGateway): void;
  /** The first table is served. */
  ready(ready: Ready): void;
  agent(event: AgentEvent): void;
  edgeLog(line: EdgeLogLine): void;
  /** Something worth knowing, in a sentence. */
  note(sentence: string): void;
  stopping(): void;
}

export interface StartedGateway {
  readonly folder: string;
  readonly edge: string;
  /** Origins of all isolates, that of the edge first. */
  readonly isolates: readonly string[];
  readonly simulator: string;
  /** Name of the model of the real provider, where it joined. */
  readonly openAIModel?: string | undefined;
  readonly commands: readonly PasteableCommand[];
}

export interface Ready {
  /** That of the edge. */
  readonly url: string;
  /** Those of all isolates, that of the edge first. */
  readonly urls: readonly string[];
  readonly revision: string;
  /** Since the command was started. */
  readonly afterMs: number;
  readonly counts: Readonly<Record<string, number>>;
}

/** One JSON object a line, `event` first. */
export function jsonNarrator(write: (line: string) => void): Narrator {
  const tell = (event: string, fields: object): void => {
    write(
      JSON.stringify({ event, ...fields }, (_, value: unknown) =>
        value instanceof Map ? Object.fromEntries(value) : value,
      ),
    );
  };
  return {
    started: (gateway) => tell('started', gateway),
    ready: (ready) => tell('ready', ready),
    agent: ({ type, ...event }) => tell(type, event),
    edgeLog: (line) => tell('edge-log', line),
    note: (sentence) => tell('note', { sentence }),
    stopping: () => tell('stopping', {}),
  };
}
