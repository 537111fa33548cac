import type { HubState } from '../../contract/publish-api.ts';

export interface IsolateReport {
  readonly isolate: string;
  readonly serving: string | null;
  readonly refused?: { readonly revision: string; readonly reason: string };
}

/**
 * Which isolates were heard of, and what they serve. Only in memory: after a restart of the hub the next questions
 * fill it again. An isolate is forgotten at its staleness bound, because beyond that it asks before it serves.
 */
export class IsolateRegistry {
  readonly #isolates = new Map<string, { report: IsolateReport; heardAt: number; until: number }>();

  /** @param now milliseconds since the epoch */
  hear(report: IsolateReport, now: number, staleAfterMs: number): void {
    this.#isolates.set(report.isolate, { report, heardAt: now, until: now + staleAfterMs });
  }

  /** How many isolates there are, with the one that asks. */
  countWith(isolate: string, now: number): number {
    this.#forget(now);
    return this.#isolates.size + (this.#isolates.has(isolate) ? 0 : 1);
  }

  /** Counts by revision, the most common first. */
  summary(now: number): Pick<HubState, 'serving' | 'refused'> {
    this.#forget(now);
    const serving = new Map<string | null, { count: number; heardAt: number }>();
    const refused = new Map<string, { revision: string; reason: string; count: number }>();
    for (const { report, heardAt } of this.#isolates.values()) {
      const same = serving.get(report.serving);
      serving.set(report.serving, {
        count: (same?.count ?? 0) + 1,
        heardAt: Math.max(same?.heardAt ?? 0, heardAt),
      });
      if (!report.refused) continue;
      const { revision, reason } = report.refused;
      const key = JSON.stringify([revision, reason]);
      refused.set(key, { revision, reason, count: (refused.get(key)?.count ?? 0) + 1 });
    }
    return {
      serving: [...serving]
        .map(([revision, { count, heardAt }]) => ({ revision, count, ageMs: Math.max(0, now - heardAt) }))
        .toSorted((a, b) => b.count - a.count),
      refused: [...refused.values()].toSorted((a, b) => b.count - a.count),
    };
  }

  #forget(now: number): void {
    for (const [isolate, { until }] of this.#isolates) if (now > until) this.#isolates.delete(isolate);
  }
}
