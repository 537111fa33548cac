/**
 * Runs an operation on every item, at most `limit` at a time. After a failure nothing new is begun, and what runs is
 * awaited, so that nothing goes on behind the caller's back. @throws the first failure
 */
export async function forEachBounded<T>(
  items: readonly T[],
  limit: number,
  operation: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = items.values();
  let failed = false;
  const work = async () => {
    for (const item of waiting) {
      if (failed) return;
      try {
        await operation(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const workers = await Promise.allSettled(Array.from({ length: Math.min(limit, items.length) }, work));
  for (const worker of workers) if (worker.status === 'rejected') throw worker.reason;
}
