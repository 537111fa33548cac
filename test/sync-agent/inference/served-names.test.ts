import { describe, expect, it } from 'vitest';
import { normalizeInferenceService } from '../../../sync-agent/inference/normalize-service.ts';
import { inferenceService } from '../support/kserve-objects.ts';

const read = (predictor: object) =>
  normalizeInferenceService(inferenceService(undefined, { predictor }), [], undefined)!;
/** As an argument list, or as a whole container of one's own. */
const namesOf = (args: readonly string[]) => read({ model: { args } }).modelNames;
const namesOfContainer = (container: object) => read({ model: undefined, containers: [container] }).modelNames;

describe('the names of models, as arguments give them', () => {
  it.each([
    [['--model_name=llama2'], ['llama2']],
    [['--model_name', 'llama2', '--backend=vllm'], ['llama2']],
    [
      ['--served-model-name', 'a', 'b', '--port', '8080'],
      ['a', 'b'],
    ],
    [['--served-model-name=a'], ['a']],
    [['--model_name={{.Name}}'], ['llama']],
    [['--model_name={{ .Namespace }}/{{ .Name }}'], ['team-a/llama']],
    [
      ['--model_name=a', '--lora-modules', 'sql=/mnt/sql', 'legal=/mnt/legal'],
      ['a', 'sql', 'legal'],
    ],
    [
      ['--lora-modules', '{"name": "sql", "path": "/mnt/sql"}', '{"name": 7}', '{'],
      ['llama', 'sql'],
    ],
    [['--lora-modules={"name": "sql", "path": "/mnt/sql"}'], ['llama', 'sql']],
    [
      ['--lora-paths', 'sql=/mnt/sql'],
      ['llama', 'sql'],
    ],
    [['--model_name=$(MODEL_NAME)'], ['llama']],
    [['--model_dir=/mnt/models'], ['llama']],
    [[], ['llama']],
  ])('%j are %j', (args, names) => {
    expect(namesOf(args)).toEqual(names);
  });

  it('are found in a command for a shell, and in that of a server of one’s own', () => {
    const script = 'exec vllm serve "Qwen/Qwen3-8B" \\\n --served-model-name \'qwen\' qwen-8b --max-model-len 4096';

    expect(namesOfContainer({ command: ['bash', '-c', script] })).toEqual(['qwen', 'qwen-8b']);
    expect(namesOfContainer({ command: ['vllm', 'serve', 'Qwen/Qwen3-8B'], args: ['--port=8080'] })).toEqual([
      'Qwen/Qwen3-8B',
    ]);
    expect(namesOfContainer({ args: ['--model', 'Qwen/Qwen3-8B', '-tp', '2'] })).toEqual(['Qwen/Qwen3-8B']);
    expect(namesOfContainer({ args: ['--model', '/mnt/models'] })).toEqual(['llama']);
    expect(namesOfContainer({})).toEqual(['llama']);
  });

  it('are those of the container that serves', () => {
    const containers = [
      { name: 'transformer-container', args: ['--model_name=wrong'] },
      { name: 'kserve-container', args: ['--served-model-name', 'right'] },
    ];

    expect(read({ model: undefined, containers }).modelNames).toEqual(['right']);
  });
});

describe('the paths under which models may answer', () => {
  const pathsOf = (predictor: object) => read(predictor).paths;

  it('begin with that of KServe’s own server where it is the one that runs', () => {
    expect(pathsOf({ model: { modelFormat: { name: 'huggingface' } } })).toEqual(['/openai/v1', '/v1']);
    expect(pathsOf({ model: { runtime: 'kserve-huggingfaceserver' } })).toEqual(['/openai/v1', '/v1']);
    expect(pathsOf({ model: { runtime: 'vllm-cuda-runtime' } })).toEqual(['/v1', '/openai/v1']);
    expect(pathsOf({ model: undefined, containers: [{ image: 'vllm/vllm-openai:v0.19.0' }] })).toEqual([
      '/v1',
      '/openai/v1',
    ]);
  });

  it('stand below the path of its URL, where KServe gives all services one host', () => {
    const status = { url: 'https://gpu.example.com/serving/team-a/llama/' };

    expect(normalizeInferenceService(inferenceService(status), [], undefined)).toMatchObject({
      origin: 'https://gpu.example.com',
      paths: ['/serving/team-a/llama/openai/v1', '/serving/team-a/llama/v1'],
    });
  });

  it('have an origin only where a URL of HTTP is given', () => {
    const originOf = (status: object) =>
      normalizeInferenceService(inferenceService({ ...status }), [], undefined)?.origin;

    expect(originOf({ address: { url: 'http://llama.team-a.svc.cluster.local:8080/' } })).toBe(
      'http://llama.team-a.svc.cluster.local:8080',
    );
    expect(originOf({ url: 'grpc://llama.example.com' })).toBeUndefined();
    expect(originOf({ url: 'not a URL' })).toBeUndefined();
  });
});

describe('what a replica computes on', () => {
  const acceleratorOf = (resources: object, metadata: object = {}) =>
    normalizeInferenceService(
      inferenceService(undefined, { metadata, predictor: { model: { resources } } }),
      [],
      undefined,
    )?.accelerator;

  it.each([
    [{ limits: { 'nvidia.com/gpu': '2' } }, { kind: 'nvidia.com/gpu', count: 2 }],
    [{ limits: { 'nvidia.com/gpu': 4 } }, { kind: 'nvidia.com/gpu', count: 4 }],
    [{ requests: { 'amd.com/gpu': 1 } }, { kind: 'amd.com/gpu', count: 1 }],
    [{ limits: { cpu: '6', 'nvidia.com/mig-1g.10gb': 3 } }, { kind: 'nvidia.com/mig-1g.10gb', count: 3 }],
    [{ limits: { 'habana.ai/gaudi': '8' } }, { kind: 'habana.ai/gaudi', count: 8 }],
    [{ limits: { 'intel.com/gpu': 1 } }, { kind: 'intel.com/gpu', count: 1 }],
    [{ limits: { 'gpu.intel.com/i915': 1 } }, { kind: 'gpu.intel.com/i915', count: 1 }],
    [{ limits: { 'nvidia.com/gpu': 0 } }, undefined],
    [{ limits: { 'nvidia.com/gpu': 'many' } }, undefined],
    [{ limits: { cpu: '6', memory: '24Gi' } }, undefined],
  ])('of %j is %j', (resources, accelerator) => {
    expect(acceleratorOf(resources)).toEqual(accelerator);
  });

  it('may be of a kind that the service itself says to be one', () => {
    const annotations = { 'serving.kserve.io/gpu-resource-types': '["example.com/npu"]' };

    expect(acceleratorOf({ limits: { 'example.com/npu': 2 } })).toBeUndefined();
    expect(acceleratorOf({ limits: { 'example.com/npu': 2 } }, { annotations })).toEqual({
      kind: 'example.com/npu',
      count: 2,
    });
  });

  it('spans all nodes where it has workers', () => {
    const workerSpec = { tensorParallelSize: 4, pipelineParallelSize: 2, containers: [] };

    expect(read({ workerSpec }).accelerator).toEqual({ kind: 'nvidia.com/gpu', count: 8 });
    expect(read({ workerSpec: {} }).accelerator).toEqual({ kind: 'nvidia.com/gpu', count: 1 });
  });
});
