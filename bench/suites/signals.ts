import { normalizeInferenceService } from '../../sync-agent/inference/normalize-service.ts';
import { podLoad } from '../../sync-agent/signals/load.ts';
import { SERVER_METRIC_NAMES } from '../../sync-agent/signals/metric-names.ts';
import { parseMetrics } from '../../sync-agent/signals/parse-metrics.ts';
import { median } from '../statistics.ts';
import type { Suite } from '../suite.ts';

const MODEL = 'model_name="meta-llama/Llama-3.1-8B-Instruct"';
const BUCKET = `vllm:time_to_first_token_seconds_bucket{engine="0",le="0.001",${MODEL}} 0.0\n`;
const LOAD = `vllm:num_requests_waiting{engine="0",${MODEL}} 3.0\nvllm:kv_cache_usage_perc{engine="0",${MODEL}} 0.25\n`;

const SERVICE = {
  apiVersion: 'serving.kserve.io/v1beta1',
  kind: 'InferenceService',
  metadata: { name: 'llama', namespace: 'team-a', uid: 'u' },
  spec: {
    predictor: {
      minReplicas: 3,
      model: { args: ['--model_name=llama'], resources: { limits: { 'nvidia.com/gpu': 1 } } },
    },
  },
  status: { url: 'http://llama.example.com', conditions: [{ type: 'Ready', status: 'True' }] },
};
const SLICE = {
  namespace: 'team-a',
  service: 'llama-predictor',
  labels: {},
  endpoints: [1, 2, 3].map((i) => ({ address: `10.0.0.${i}`, ready: true, serving: true, terminating: false })),
  ports: [{ name: 'http', port: 8080 }],
};

export const signalsSuite: Suite = {
  name: 'signals',
  does: 'reading 1 MB of metrics, and 1,000 inference services',
  run: async ({ quick, progress }) => {
    progress('signals');
    const rounds = quick ? 10 : 100;
    const page = BUCKET.repeat(Math.ceil(1_000_000 / BUCKET.length)) + LOAD;
    const rows = [
      { what: '1 MB of metrics', ms: medianMs(rounds, () => podLoad(parseMetrics(page, SERVER_METRIC_NAMES))) },
      {
        what: '1,000 inference services',
        ms: medianMs(rounds, () => {
          for (let i = 0; i < 1_000; i++) normalizeInferenceService(SERVICE, [SLICE], undefined);
        }),
      },
    ];
    const columns = [
      { key: 'what', heading: 'reading' },
      { key: 'ms', heading: 'ms, median' },
    ];
    return { tables: [{ title: 'what the signals cost the agent', columns, rows }] };
  },
};

function medianMs(rounds: number, operation: () => unknown): number {
  const times = Array.from({ length: rounds }, () => {
    const begun = performance.now();
    operation();
    return performance.now() - begun;
  });
  return Math.round(median(times) * 10) / 10;
}
