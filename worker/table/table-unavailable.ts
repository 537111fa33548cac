/**
 * There is nothing to decide by, for the moment: no table has reached this isolate yet, or a part of it is nowhere to
 * be had. Answer 503, never 401: nobody may be called unknown by an edge that could not look.
 */
export class TableUnavailable extends Error {
  override name = 'TableUnavailable';
  readonly reason: 'no-table' | 'missing-blob';

  constructor(reason: TableUnavailable['reason'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** What was asked for is in no table that is held, and may be in one that is not. */
export function partlyStarted(): TableUnavailable {
  return new TableUnavailable('no-table', 'the table of one of its clusters has not come yet: try again');
}
