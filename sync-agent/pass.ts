import type { ResourceId } from './snapshot.ts';

/** What a pass of the controller is made of, in this order. */
export type PassStep = 'observe' | 'compile' | 'look' | 'plan' | 'publish' | 'report';

/** Is told of every pass, for metrics and traces. */
export interface PassObserver {
  /** @param edge the EdgeGateway */
  begin(edge: ResourceId): ObservedPass;
}

export interface ObservedPass {
  beginStep(step: PassStep): ObservedStep;
  /** @param error what it failed by */
  end(error?: unknown): void;
}

export interface ObservedStep {
  end(error?: unknown): void;
}

const nothing = { end: () => undefined };
export const unobserved: PassObserver = { begin: () => ({ beginStep: () => nothing, ...nothing }) };

/** Tells all of them. */
export function observedBy(observers: readonly PassObserver[]): PassObserver {
  return {
    begin: (edge) => {
      const passes = observers.map((observer) => observer.begin(edge));
      return {
        beginStep: (step) => {
          const steps = passes.map((pass) => pass.beginStep(step));
          return { end: (error) => steps.forEach((one) => one.end(error)) };
        },
        end: (error) => passes.forEach((pass) => pass.end(error)),
      };
    },
  };
}

/** One pass, under observation. */
export class Pass {
  readonly #observed: ObservedPass;
  #step: PassStep | undefined;

  constructor(observer: PassObserver, edge: ResourceId) {
    this.#observed = observer.begin(edge);
  }

  /** The step that runs, or ran last. */
  get step(): PassStep | undefined {
    return this.#step;
  }

  /** @throws what the work throws */
  async run<T>(step: PassStep, work: () => T | Promise<T>): Promise<T> {
    this.#step = step;
    const observed = this.#observed.beginStep(step);
    try {
      const result = await work();
      observed.end();
      return result;
    } catch (error) {
      observed.end(error);
      throw error;
    }
  }

  end(error?: unknown): void {
    this.#observed.end(error);
  }
}
