/** A gauge, by its name and by labels that must stand in it. */
export interface Gauge {
  readonly name: string;
  readonly label?: { readonly name: string; readonly value: string };
}

/** What one kind of server says of its load. Of several gauges for one thing, the first that is there counts. */
export interface ServerMetrics {
  /** Requests that wait to be begun. */
  readonly waiting: readonly Gauge[];
  /** Share of the key-value cache in use, 0 to 1. */
  readonly cacheUse: readonly Gauge[];
}

/** Of the model servers, each pod for itself. The first that is found in a pod's answer counts. */
export const MODEL_SERVERS = {
  vLLM: {
    waiting: [{ name: 'vllm:num_requests_waiting' }],
    // The second name is that of before 0.10.
    cacheUse: [{ name: 'vllm:kv_cache_usage_perc' }, { name: 'vllm:gpu_cache_usage_perc' }],
  },
  SGLang: {
    waiting: [{ name: 'sglang:num_queue_reqs' }],
    cacheUse: [{ name: 'sglang:token_usage' }],
  },
  TGI: {
    waiting: [{ name: 'tgi_queue_size' }],
    cacheUse: [],
  },
  'trtllm-serve': {
    waiting: [{ name: 'trtllm_num_requests_waiting' }],
    cacheUse: [{ name: 'trtllm_kv_cache_utilization' }],
  },
  Triton: {
    // Of its TensorRT-LLM backend; the other is Triton's own count, of any backend.
    waiting: [
      { name: 'nv_trt_llm_request_metrics', label: { name: 'request_type', value: 'waiting' } },
      { name: 'nv_inference_pending_request_count' },
    ],
    cacheUse: [
      { name: 'nv_trt_llm_kv_cache_block_metrics', label: { name: 'kv_cache_block_type', value: 'fraction' } },
    ],
  },
} satisfies Readonly<Record<string, ServerMetrics>>;

/** What an endpoint picker says of its pool: means over the ready endpoints. Newest names first; label `name` is the pool. */
export const ENDPOINT_PICKER = {
  averageWaiting: [
    { name: 'llm_d_epp_average_queue_size' },
    { name: 'llm_d_router_epp_average_queue_size' },
    { name: 'inference_pool_average_queue_size' },
  ],
  averageCacheUse: [
    { name: 'llm_d_epp_average_kv_cache_utilization' },
    { name: 'llm_d_router_epp_average_kv_cache_utilization' },
    { name: 'inference_pool_average_kv_cache_utilization' },
  ],
  ready: [
    { name: 'llm_d_epp_ready_endpoints' },
    { name: 'llm_d_router_epp_ready_endpoints' },
    { name: 'inference_pool_ready_pods' },
  ],
} satisfies Readonly<Record<string, readonly Gauge[]>>;

/** Where servers have their metrics: most at the first; trtllm-serve has something else there. */
export const METRICS_PATHS = ['/metrics', '/prometheus/metrics'] as const;

/**
 * SGLang, when it is told to, lets every rank of a parallel model count the same requests: only the first rank counts.
 * Ranks of data parallelism have requests of their own.
 */
export const SHARED_RANKS = ['tp_rank', 'pp_rank'] as const;

export const SERVER_METRIC_NAMES: ReadonlySet<string> = new Set(
  Object.values(MODEL_SERVERS).flatMap(({ waiting, cacheUse }) => [...waiting, ...cacheUse].map(({ name }) => name)),
);

export const PICKER_METRIC_NAMES: ReadonlySet<string> = new Set(
  Object.values(ENDPOINT_PICKER).flatMap((gauges) => gauges.map(({ name }) => name)),
);

/** In PromQL: every series that either may give, of all services at once. */
export const LOAD_QUERY = `{__name__=~"${[...SERVER_METRIC_NAMES, ...PICKER_METRIC_NAMES].join('|')}"}`;
