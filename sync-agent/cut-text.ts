/**
 * Others' words, of so many characters at most. Half of a character, which a cut may leave, is one that the API server
 * stores as another: what is written would never be what is read back.
 */
export function cutText(text: string, most: number): string {
  return (text.length > most ? `${text.slice(0, most - 1)}…` : text).toWellFormed();
}

/** The same, of so many bytes of UTF-8 at most. */
export function cutBytes(text: string, most: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= most) return text.toWellFormed();
  let end = most - '…'.length * 3;
  // Never in the middle of a character.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return `${bytes.subarray(0, end).toString()}…`;
}
