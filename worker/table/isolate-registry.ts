import type { HubState } from '../../contract/publish-api.ts';
import type { ClusterReport, PollQuestion } from './hub-protocol.ts';

/**
 * Which isolates were heard of, what they serve and what they understand. Only in memory: after a restart of the hub
 * the next questions fill it again. An isolate is forgotten at its staleness bound, because beyond that it asks before
 * it serves.
 */
export class IsolateRegistry {
  readonly #isolates = new Map<string, { question: PollQuestion; heardAt: number; until: number }>();

  /** @param now milliseconds since the epoch */
  hear(question: PollQuestion, now: number, staleAfterMs: number): void {
    this.#isolates.set(question.isolate, { question, heardAt: now, until: now + staleAfterMs });
  }

  /** How many isolates there are, with the one that asks. Each counts once, however many clusters it serves. */
  countWith(isolate: string, now: number): number {
    this.#forget(now);
    return this.#isolates.size + (this.#isolates.has(isolate) ? 0 : 1);
  }

  /** Counts by revision of one cluster, the most common first. */
  summary(cluster: string, now: number): Pick<HubState, 'serving' | 'refused'> {
    this.#forget(now);
    const serving = new Map<string | null, { count: number; heardAt: number }>();
    const refused = new Map<string, { revision: string; reason: string; count: number }>();
    for (const { question, heardAt } of this.#isolates.values()) {
      const report = reportOn(cluster, question);
      if (!report) continue;
      const served = report.serving?.revision ?? null;
      const same = serving.get(served);
      serving.set(served, { count: (same?.count ?? 0) + 1, heardAt: Math.max(same?.heardAt ?? 0, heardAt) });
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

  /** What this hub and every isolate that was heard of lately understand. */
  reads(own: HubState['reads'], now: number): HubState['reads'] {
    this.#forget(now);
    const questions = [...this.#isolates.values()].map(({ question }) => question);
    return {
      schemaVersions: own.schemaVersions.filter((version) =>
        questions.every(({ knownSchemaVersions }) => knownSchemaVersions.includes(version)),
      ),
      features: own.features.filter((feature) =>
        questions.every(({ knownFeatures }) => knownFeatures.includes(feature)),
      ),
    };
  }

  #forget(now: number): void {
    for (const [isolate, { until }] of this.#isolates) if (now > until) this.#isolates.delete(isolate);
  }
}

export function reportOn(cluster: string, { clusters }: PollQuestion): ClusterReport | undefined {
  return Object.hasOwn(clusters, cluster) ? clusters[cluster] : undefined;
}
