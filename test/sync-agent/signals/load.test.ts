import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { podLoad, poolLoad, serviceLoad } from '../../../sync-agent/signals/load.ts';
import { PICKER_METRIC_NAMES, SERVER_METRIC_NAMES } from '../../../sync-agent/signals/metric-names.ts';
import { parseMetrics } from '../../../sync-agent/signals/parse-metrics.ts';
import { PICKER, SGLANG, TGI, TRITON, TRITON_TRTLLM, TRTLLM_SERVE, VLLM, VLLM_BEFORE_0_10 } from './expositions.ts';

const ofPod = (text: string) => podLoad(parseMetrics(text, SERVER_METRIC_NAMES));
const ofPool = (text: string, pool = 'qwen-pool') => poolLoad(parseMetrics(text, PICKER_METRIC_NAMES), pool);

describe('the load of a pod', () => {
  it.each([
    ['vLLM, of two engines', VLLM, { waiting: 7, cacheUse: 0.5 }],
    ['vLLM before 0.10', VLLM_BEFORE_0_10, { waiting: 2, cacheUse: 0.5 }],
    ['SGLang, each request once for all its ranks', SGLANG, { waiting: 5, cacheUse: 0.31 }],
    ['TGI, which has no such cache', TGI, { waiting: 6 }],
    ['trtllm-serve', TRTLLM_SERVE, { waiting: 1, cacheUse: 0.62 }],
    ['Triton with TensorRT-LLM', TRITON_TRTLLM, { waiting: 9, cacheUse: 0.4 }],
    ['Triton with any other backend', TRITON, { waiting: 3 }],
  ])('is read from %s', (_, text, load) => {
    expect(ofPod(text)).toEqual(load);
  });

  it('is unknown where nothing that is known says it, and never zero', () => {
    expect(ofPod('process_cpu_seconds_total 5\n')).toBeUndefined();
    expect(ofPod('vllm:num_requests_waiting NaN\n')).toBeUndefined();
    expect(ofPod('vllm:kv_cache_usage_perc 0.5\n')).toEqual({ cacheUse: 0.5 });
    expect(ofPod('vllm:num_requests_waiting -1\nvllm:kv_cache_usage_perc 1.01\n')).toEqual({ cacheUse: 1 });
  });
});

describe('the load of a pool, by its endpoint picker', () => {
  it('is the mean times the endpoints that are ready', () => {
    expect(ofPool(PICKER)).toEqual({ ready: 4, waiting: 10, cacheUse: 0.3 });
  });

  it('is read by the newest of the names that are there', () => {
    const both = `${PICKER}llm_d_epp_average_queue_size{name="qwen-pool"} 1\nllm_d_epp_ready_endpoints{name="qwen-pool"} 5\n`;

    expect(ofPool(both)).toEqual({ ready: 5, waiting: 5, cacheUse: 0.3 });
    expect(ofPool(PICKER.replaceAll('inference_pool_ready_pods', 'llm_d_router_epp_ready_endpoints'))).toMatchObject({
      ready: 4,
    });
  });

  it('is that of another pool never, and of no endpoints only their number', () => {
    expect(ofPool(PICKER, 'other')).toBeUndefined();
    expect(ofPool(PICKER.replace('pods{name="qwen-pool"} 4', 'pods{name="qwen-pool"} 0'))).toEqual({ ready: 0 });
    expect(ofPool('inference_pool_average_queue_size{name="qwen-pool"} 2\n')).toBeUndefined();
  });
});

describe('the load of a service, by some of its pods', () => {
  it('takes pods that did not answer to be like those that did, while these are at least half', () => {
    const told = [
      { waiting: 2, cacheUse: 0.2 },
      { waiting: 4, cacheUse: 0.6 },
    ];

    expect(serviceLoad(told, 2, 2)).toEqual({ waiting: 6, cacheUse: 0.4 });
    expect(serviceLoad(told, 4, 4)).toEqual({ waiting: 12, cacheUse: 0.4 });
    expect(serviceLoad(told, 5, 5)).toBeUndefined();
    expect(serviceLoad([], 2, 2)).toBeUndefined();
    expect(serviceLoad([], 0, 0)).toBeUndefined();
  });

  it('takes pods that were not asked, of more than 32, to be like those that were', () => {
    const told = Array.from({ length: 32 }, () => ({ waiting: 1 }));

    expect(serviceLoad(told, 32, 100)).toEqual({ waiting: 100 });
  });

  it('is never below the least and never above the greatest of what its pods say, for each', () => {
    const load = fc.record({ waiting: fc.nat(1_000), cacheUse: fc.double({ min: 0, max: 1, noNaN: true }) });
    fc.assert(
      fc.property(fc.array(load, { minLength: 1, maxLength: 32 }), fc.nat(32), (told, silent) => {
        const asked = told.length + silent;
        const load = serviceLoad(told, asked, asked);
        const bound = (pick: (values: number[]) => number) => pick(told.map(({ waiting }) => waiting)) * asked;

        expect(load === undefined).toBe(told.length * 2 < asked);
        expect(load?.waiting ?? bound((values) => Math.min(...values))).toBeGreaterThanOrEqual(
          bound((values) => Math.min(...values)) - 1e-6,
        );
        expect(load?.waiting ?? 0).toBeLessThanOrEqual(bound((values) => Math.max(...values)) + 1e-6);
      }),
    );
  });
});
