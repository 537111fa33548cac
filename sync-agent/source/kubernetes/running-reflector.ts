import { reflect, type ReflectorOptions, type ReflectorState } from './reflector.ts';

/** A reflector that runs beside others, and what it last said of itself. */
export interface RunningReflector {
  /** Undefined: it has said nothing yet. */
  readonly state: ReflectorState | undefined;
  /** Whether it has seen everything once. */
  readonly hasSynced: boolean;
  /** Resolves once nothing of it runs; from the call on it tells nothing any more. */
  stop(): Promise<void>;
}

export function startReflector<T>(options: ReflectorOptions<T>): RunningReflector {
  const stopping = new AbortController();
  let state: ReflectorState | undefined;
  let hasSynced = false;
  const { store, onState } = options;
  const ended = reflect(
    {
      ...options,
      store: {
        ...store,
        replace: (objects) => {
          store.replace(objects);
          hasSynced = true;
        },
      },
      onState: (next) => {
        if (stopping.signal.aborted) return;
        state = next;
        onState(next);
      },
    },
    stopping.signal,
  );
  return {
    get state() {
      return state;
    },
    get hasSynced() {
      return hasSynced;
    },
    stop: () => {
      stopping.abort(new Error('stopped'));
      return ended;
    },
  };
}
