import type { SignalReport } from '../../contract/signals.ts';
import type { LivingSignal } from './hub-protocol.ts';

/** The signals of each cluster, for as long as they hold. Only in memory: what is lost comes again in seconds. */
export class HubSignals {
  readonly #byCluster = new Map<string, { readonly report: SignalReport; readonly until: number }>();

  /** Replaces all signals of the cluster. @param now milliseconds since the epoch */
  take(cluster: string, report: SignalReport, now: number): void {
    this.#byCluster.set(cluster, { report, until: now + report.ttlMs });
  }

  forget(cluster: string): void {
    this.#byCluster.delete(cluster);
  }

  of(cluster: string, now: number): LivingSignal[] {
    const held = this.#byCluster.get(cluster);
    if (!held) return [];
    // A clock that was set back must not keep a signal alive for longer than it was given.
    const forMs = Math.min(held.until - now, held.report.ttlMs);
    return forMs <= 0 ? [] : held.report.signals.map((signal) => ({ ...signal, forMs }));
  }
}
