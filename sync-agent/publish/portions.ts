/** Cuts a list into portions, in order, each within both limits; an item that is too large alone stands alone. */
export function* inPortions<T>(
  items: readonly T[],
  sizeOf: (item: T) => number,
  limits: { readonly count: number; readonly bytes: number },
): Generator<T[]> {
  let portion: T[] = [];
  let bytes = 0;
  for (const item of items) {
    const size = sizeOf(item);
    if (portion.length > 0 && (portion.length === limits.count || bytes + size > limits.bytes)) {
      yield portion;
      portion = [];
      bytes = 0;
    }
    portion.push(item);
    bytes += size;
  }
  if (portion.length > 0) yield portion;
}
