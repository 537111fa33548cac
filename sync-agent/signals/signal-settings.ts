/** How the load of inference services is learnt. */
export interface SignalSettings {
  /** `Off`: only what the cluster itself says is sent, such as how many replicas are ready. */
  readonly source: 'Pods' | 'Prometheus' | 'Off';
  /** Base URL; must be there for source Prometheus. */
  readonly prometheusURL?: string;
  /** From one report to the next, in milliseconds; at most 20,000, as a report lives three times as long. */
  readonly intervalMs: number;
}
