import { describe, expect, test } from 'vitest';
import { signalReport } from '../../contract/signals.ts';
import { aiModel } from '../../crds/ai-model.ts';
import { edgeStatus } from '../../crds/edge-status.ts';
import { compile } from '../../sync-agent/compile/compile.ts';
import type { RoutedService } from '../../sync-agent/compile/compilation.ts';
import { cutBytes, cutText } from '../../sync-agent/cut-text.ts';
import type { InferenceService } from '../../sync-agent/inference/inference-service.ts';
import { normalizeInferenceService } from '../../sync-agent/inference/normalize-service.ts';
import { parseServiceUrl } from '../../sync-agent/inference/service-url.ts';
import { parseMetrics } from '../../sync-agent/signals/parse-metrics.ts';
import { podLoad, poolLoad } from '../../sync-agent/signals/load.ts';
import { makeSignals } from '../../sync-agent/signals/make-signals.ts';
import { edgeGatewayFields } from '../../sync-agent/status/kubernetes/status-of-edge-gateway.ts';
import { modelFields } from '../../sync-agent/status/kubernetes/status-of-model.ts';
import { EDGE, edgeGateway, edgeKeys } from '../support/resource-builders.ts';
import { inferenceService as service, compileSeen } from '../support/service-builders.ts';
import { condition, inferenceService, raw } from './support/kserve-objects.ts';

const NOW = '2026-11-29T12:00:00Z';
const NOTHING_STORED = { conditions: [], parents: [], fields: {} };
const LONG = 'x'.repeat(100_000);
const UNSAFE = Number.MAX_SAFE_INTEGER - 1;

/** What anybody may write who may write an object of another project, whose schema is not ours. */
const GARBAGE: readonly (readonly [name: string, status: object, spec: object, metadata: object])[] = [
  ['counts beyond all bounds', { modelStatus: { copies: { totalCopies: UNSAFE } } }, { minReplicas: UNSAFE }, {}],
  [
    'devices beyond all bounds',
    {},
    { workerSpec: { containers: [], tensorParallelSize: 999_999, pipelineParallelSize: 999_999 } },
    {},
  ],
  [
    'devices whose sum is no safe integer',
    {},
    { containers: [UNSAFE, UNSAFE].map((count) => ({ resources: { limits: { 'nvidia.com/gpu': count } } })) },
    {},
  ],
  [
    'a device of an endless name',
    {},
    { model: { resources: { limits: { [`amd.com/${LONG}`]: 1, 'nvidia.com/gpu.': 1 } } } },
    { annotations: { 'serving.kserve.io/gpu-resource-types': JSON.stringify([`amd.com/${LONG}`]) } },
  ],
  ['an endless URL', { url: `https://a.example.com/${LONG}` }, {}, {}],
  ['a URL of a URL of its own kind', { url: 'javascript:alert(1)', address: { url: 'file:///etc/passwd' } }, {}, {}],
  ['ports that are none', { url: 'https://a.example.com:99999', address: { url: 'https://a.example.com:-1' } }, {}, {}],
  ['wrong types', { url: 7, conditions: { Ready: true }, components: [], modelStatus: 'Loaded' }, { model: [] }, {}],
];

function routed(object: InferenceService | undefined): RoutedService {
  const { state, replicas, accelerator, metadata, origin, paths } = object!;
  return {
    service: `InferenceService/${metadata.namespace}/${metadata.name}`,
    provider: `${metadata.namespace}/${metadata.name}..inferenceservice-0123456789abcdef`,
    state,
    replicas,
    accelerator,
    url: origin && `${origin}${paths[0]}`,
  };
}

describe.each(GARBAGE)('an InferenceService with %s', (_, status, predictor, metadata) => {
  const whole = inferenceService({ ...raw('True'), ...status }, { predictor, metadata });
  const services = [routed(normalizeInferenceService(whole, [], undefined))];

  test('leaves a status that the API server takes', () => {
    const written = { ...modelFields([...services, ...services], NOTHING_STORED, NOW), conditions: [] };
    expect(aiModel.shape.status.safeParse(written).error?.issues ?? []).toEqual([]);
  });

  test('leaves a report of signals that the hub takes', () => {
    const report = { ttlMs: 15_000, signals: [...makeSignals(services, new Map())] };
    expect(signalReport.safeParse(JSON.parse(JSON.stringify(report))).error?.issues ?? []).toEqual([]);
    expect(report.signals).toHaveLength(services.filter(({ state }) => state.phase !== 'Pending').length);
  });
});

describe('the URL of a service', () => {
  test.each([
    ['with credentials', 'https://user:secret@a.example.com/x', 'https://a.example.com/x'],
    ['of IPv6', 'http://[fd00::1]:8080/x/', 'http://[fd00::1]:8080/x'],
    ['with a query and a fragment', 'https://a.example.com/x?token=1#y', 'https://a.example.com/x'],
    ['that leads back', 'https://a.example.com/own/../others/%2e%2e/x', 'https://a.example.com/x'],
  ])('%s is taken without what does not belong there', (_, url, expected) => {
    const { origin, path } = parseServiceUrl(url)!;
    expect(`${origin}${path}`).toBe(expected);
  });

  test.each([
    ['has a path that servers read in several ways', 'https://a.example.com//team-b/llama'],
    ['hides letters', 'https://a.example.com/%74eam-b/llama'],
    ['hides a slash', 'https://a.example.com/x/..%2fteam-b'],
    ['has parameters in its path', 'https://a.example.com/team-b;x=1/llama'],
    ['has a blank', 'https://a.example.com/a b'],
    ['has no port', 'https://a.example.com:99999/'],
  ])('that %s is none', (_, url) => {
    expect(parseServiceUrl(url)).toBeUndefined();
  });
});

describe('pods and pickers that lie', () => {
  const healthy = routed(normalizeInferenceService(inferenceService(raw('True')), [], undefined));

  test.each([
    ['a queue that overflows when it is summed', podLoad(samplesOf('vllm:num_requests_waiting', 1e308, 1e308))],
    ['a queue that overflows when it is rounded', podLoad(samplesOf('vllm:num_requests_waiting', 1.7e308))],
    ['pods without number', poolLoad(samplesOf('inference_pool_ready_pods', 1e300), 'llama')],
  ])('of %s nothing is told, but that the service is ready', (_, load) => {
    const signals = makeSignals([healthy], new Map([[healthy.service, load!]]));
    expect(signals).toMatchObject([{ ready: 3 }]);
    const sent: unknown = JSON.parse(JSON.stringify({ ttlMs: 15_000, signals }));
    expect(signalReport.safeParse(sent).error?.issues ?? []).toEqual([]);
  });

  test('cannot hold up the agent by one endless line', () => {
    const line = `load{a="${String.raw`\n`.repeat(4_000_000)}"} 1`;
    const began = performance.now();
    expect(parseMetrics(`${line}\nload 2\n`, new Set(['load'])).map(({ value }) => value)).toEqual([2]);
    // Taken apart, it would take eight seconds; passed over, a millisecond on a machine that has nothing else to do.
    expect(performance.now() - began).toBeLessThan(3_000);
  });
});

describe('words of others', () => {
  test('are cut so that the API server gives back what it was given', () => {
    const emoji = '🦙'.repeat(400);
    expect(cutText(emoji, 301).isWellFormed()).toBe(true);
    expect(cutText(emoji, 300)).toHaveLength(300);
    expect(cutText('short', 300)).toBe('short');
  });

  test('are cut for an Event by bytes', () => {
    for (const most of [1_021, 1_022, 1_023, 1_024]) {
      const note = cutBytes('ü🦙模'.repeat(400), most);
      expect(Buffer.byteLength(note)).toBeLessThanOrEqual(most);
      expect(note).not.toContain('\ufffd');
      expect(note.endsWith('…')).toBe(true);
    }
  });

  test('of a condition in the middle of a character stand whole in what is said of the service', () => {
    const said = [condition('Ready', 'False', 'X', `${'a'.repeat(298)}🦙🦙🦙`)];
    const { state } = normalizeInferenceService(inferenceService({ conditions: said }), [], undefined)!;
    expect(state.message.isWellFormed()).toBe(true);
  });
});

describe('a server that lists names of any length', () => {
  const gateway = edgeGateway({
    allowed: [{ name: 'all', namespaces: { type: 'All' } }],
    discovery: [
      { name: 'all', labelSelector: { matchLabels: { publish: 'true' } }, modelNameTemplate: '{name}/{model}' },
    ],
  });
  const endless = service({ modelNames: ['m'.repeat(256), 'fine'] }, { labels: { publish: 'true' } });

  test('has those published that are not too long, and an EdgeGateway whose status the API server takes', () => {
    const { discovered, counts } = compileSeen([gateway, edgeKeys(), endless], {
      type: 'Seen',
      path: '/v1',
      models: ['m'.repeat(256), 'fine', '*', '"', 'a*', '{name}', 'x'.repeat(500)],
    });
    expect(discovered).toMatchObject([
      { modelName: 'llama/fine', message: undefined },
      { modelName: expect.stringMatching(/^llama\/m+…$/), message: expect.stringContaining('longer than 256') },
    ]);
    const fields = edgeGatewayFields({ observation: {}, attached: counts, discovered }, NOTHING_STORED);
    expect(edgeStatus.safeParse({ ...fields, conditions: [] }).error?.issues ?? []).toEqual([]);
    expect(compile([gateway, edgeKeys(), endless], EDGE).sections.routes).toBeDefined();
  });
});

function samplesOf(name: string, ...values: readonly number[]) {
  return values.map((value) => ({ name, labels: {}, value }));
}
