import type { Operation } from '../../contract/routing-table.ts';
import type { Clock } from '../clock.ts';
import type { AnswerFacts } from '../dialects/dialect.ts';
import type { FailureCode } from '../errors.ts';
import type { ClusterTable, ServedConsumer, ServedTable } from '../table/served-table.ts';
import { recordOf, type RequestRecord } from './request-record.ts';
import type { Candidate } from './list-candidates.ts';
import type { Serve } from './plan-request.ts';

/** How a request ended; the log's `fairlead.outcome`. */
export type Outcome = 'completed' | 'refused' | 'failed' | 'interrupted' | 'client_abort';

export interface AttemptNote {
  readonly backend: string;
  readonly provider: string;
  readonly outcome: 'answered' | 'passed_on' | FailureCode;
  /** The upstream's status, where it answered. */
  readonly status?: number;
  readonly detail?: string;
  readonly durationMs: number;
}

/** What was used, as the provider counted it or by estimate. */
export interface Metered extends AnswerFacts {
  readonly isEstimate: boolean;
}

/** One request on its way: what has become known of it. What it was at the end is recorded once. */
export class Exchange {
  readonly requestId: string;
  readonly request: Request;
  /** Lower-case, without port. */
  readonly host: string;
  /** The whole path. */
  readonly path: string;
  readonly startedAt: number;
  readonly clock: Clock;
  readonly attempts: AttemptNote[] = [];
  table: ServedTable | undefined;
  /** The table of the cluster whose route the request met. */
  decidedBy: ClusterTable | undefined;
  consumer: ServedConsumer | undefined;
  operation: Operation | undefined;
  model: string | undefined;
  isStream = false;
  plan: Serve | undefined;
  /** Who answered. */
  candidate: Candidate | undefined;
  upstreamRequestId: string | null = null;
  /** Milliseconds since the epoch. */
  answeredAt: number | undefined;
  /** The answer goes on after the response has been returned: whoever sends it settles. */
  settlesLater = false;
  readonly #settling = Promise.withResolvers<void>();
  #isSettled = false;
  readonly #record: (record: RequestRecord) => void;

  constructor(
    request: Request,
    at: { requestId: string; host: string; path: string; clock: Clock },
    record: (record: RequestRecord) => void,
  ) {
    this.request = request;
    this.requestId = at.requestId;
    this.host = at.host;
    this.path = at.path;
    this.clock = at.clock;
    this.startedAt = at.clock.now();
    this.#record = record;
  }

  /** Resolved by the settlement. */
  get settled(): Promise<void> {
    return this.#settling.promise;
  }

  /** Runs once, whatever happens: completion, the client's abort, the upstream's death. Quotas are settled here too. */
  settle(
    outcome: Outcome,
    status: number,
    metered?: Metered,
    error?: { code: FailureCode; detail?: string | undefined },
  ): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#record(recordOf(this, { outcome, status, metered, error }));
    this.#settling.resolve();
  }
}
