const NEWLINE = 0x0a;

/**
 * The values of a body that has one JSON value a line, as the API server's watches have. Chunks end anywhere, also
 * within a character: bytes are put together first, and a newline's byte is never part of another character.
 *
 * @throws {SyntaxError} where a line is none; the last one may be missing its end, and is then left out
 */
export async function* jsonLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<unknown, void, undefined> {
  // Put together once a line is whole: a list that grew with each chunk would be copied with each.
  let parts: Uint8Array[] = [];
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      parts.push(chunk.subarray(start, end));
      const line = Buffer.concat(parts).toString('utf8');
      parts = [];
      start = end + 1;
      if (line.trim() !== '') yield JSON.parse(line);
    }
    if (start < chunk.length) parts.push(chunk.subarray(start));
  }
}
