import { ENDPOINT_PICKER, type Gauge, MODEL_SERVERS, SHARED_RANKS } from './metric-names.ts';
import type { Sample } from './parse-metrics.ts';

/** What is known of how busy something is. What is absent is not known; it is never zero. */
export interface Load {
  /** Requests. */
  readonly waiting?: number;
  /** 0 to 1. */
  readonly cacheUse?: number;
  /** Ready endpoints, where the metrics themselves tell. */
  readonly ready?: number;
}

/** Of one pod. Several engines in it (data parallel ranks, several models) wait together, and use their caches on average. */
export function podLoad(samples: readonly Sample[]): Load | undefined {
  for (const { waiting, cacheUse } of Object.values(MODEL_SERVERS)) {
    const queues = valuesOf(waiting, samples);
    const caches = valuesOf(cacheUse, samples);
    if (queues.length === 0 && caches.length === 0) continue;
    return {
      ...(queues.length > 0 && { waiting: sum(queues) }),
      ...(caches.length > 0 && { cacheUse: share(sum(caches) / caches.length) }),
    };
  }
  return undefined;
}

/**
 * Of a pool, by its endpoint picker. A picker without ready endpoints leaves its averages as they last were: then only
 * the number of them is taken.
 *
 * @param pool name of the InferencePool
 */
export function poolLoad(samples: readonly Sample[], pool: string): Load | undefined {
  const own = samples.filter(({ labels }) => labels['name'] === undefined || labels['name'] === pool);
  const [ready] = valuesOf(ENDPOINT_PICKER.ready, own);
  const [average] = valuesOf(ENDPOINT_PICKER.averageWaiting, own);
  const [cacheUse] = valuesOf(ENDPOINT_PICKER.averageCacheUse, own);
  if (ready === undefined) return undefined;
  const count = Math.round(ready);
  if (count === 0) return { ready: 0 };
  return {
    ready: count,
    ...(average !== undefined && { waiting: average * count }),
    ...(cacheUse !== undefined && { cacheUse: share(cacheUse) }),
  };
}

/**
 * Of all pods of a service, from those that told. A pod that did not is taken to be like the others where at least half
 * of those asked told; where fewer did, nothing is known of the whole, as what the silent ones do may be the point.
 *
 * @param asked how many pods were asked
 * @param ready how many there are; more than were asked, where there are very many
 */
export function serviceLoad(told: readonly Load[], asked: number, ready: number): Load | undefined {
  if (asked === 0) return undefined;
  const waiting = enough(
    told.flatMap(({ waiting }) => waiting ?? []),
    asked,
  );
  const cacheUse = enough(
    told.flatMap(({ cacheUse }) => cacheUse ?? []),
    asked,
  );
  if (!waiting && !cacheUse) return undefined;
  return {
    ...(waiting && { waiting: mean(waiting) * ready }),
    ...(cacheUse && { cacheUse: mean(cacheUse) }),
  };
}

function enough(values: readonly number[], asked: number): readonly number[] | undefined {
  return values.length > 0 && values.length * 2 >= asked ? values : undefined;
}

function valuesOf(gauges: readonly Gauge[], samples: readonly Sample[]): readonly number[] {
  for (const gauge of gauges) {
    const values = samples.filter((sample) => isOf(gauge, sample)).map(({ value }) => value);
    if (values.length > 0) return values;
  }
  return [];
}

function isOf({ name, label }: Gauge, sample: Sample): boolean {
  return (
    sample.name === name &&
    sample.value >= 0 &&
    (!label || sample.labels[label.name] === label.value) &&
    SHARED_RANKS.every((rank) => (sample.labels[rank] ?? '0') === '0')
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

function share(value: number): number {
  return Math.min(value, 1);
}
