import type { AgentEvent, StatusSink } from '../../../sync-agent/status/status-sink.ts';

type EventOf<Type extends AgentEvent['type']> = Extract<AgentEvent, { type: Type }>;

/** Remembers what an agent reports, and lets a test wait for what it has not reported yet. */
export class EventRecorder implements StatusSink {
  readonly events: AgentEvent[] = [];
  #listeners = new Set<() => void>();
  #taken = 0;

  report(event: AgentEvent): void {
    this.events.push(event);
    for (const listener of this.#listeners) listener();
  }

  of<Type extends AgentEvent['type']>(type: Type): EventOf<Type>[] {
    return this.events.filter((event): event is EventOf<Type> => event.type === type);
  }

  /** The next event of the type, after the last one that was waited for, that is as wanted. */
  async next<Type extends AgentEvent['type']>(
    type: Type,
    isIt: (event: EventOf<Type>) => boolean = () => true,
  ): Promise<EventOf<Type>> {
    const isWanted = (event: AgentEvent): event is EventOf<Type> => isOf(event, type) && isIt(event);
    for (;;) {
      const found = this.events.slice(this.#taken).find(isWanted);
      if (found) {
        this.#taken = this.events.indexOf(found) + 1;
        return found;
      }
      await new Promise<void>((resolve) => {
        const listener = () => {
          this.#listeners.delete(listener);
          resolve();
        };
        this.#listeners.add(listener);
      });
    }
  }
}

function isOf<Type extends AgentEvent['type']>(event: AgentEvent, type: Type): event is EventOf<Type> {
  return event.type === type;
}
