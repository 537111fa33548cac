/**
 * All of a stream, or undefined where it is longer than the limit; then the rest is not read.
 *
 * @param onPart called after each part
 */
export async function collect(
  body: ReadableStream<Uint8Array>,
  limit: number,
  onPart?: () => void,
): Promise<Uint8Array | undefined> {
  const reader = body.getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return join(parts, size);
    size += value.byteLength;
    if (size > limit) {
      await reader.cancel();
      return undefined;
    }
    parts.push(value);
    onPart?.();
  }
}

/** @param size of all parts together, in bytes */
export function join(parts: readonly Uint8Array[], size: number): Uint8Array {
  const [only] = parts;
  if (only && parts.length === 1) return only;
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}
