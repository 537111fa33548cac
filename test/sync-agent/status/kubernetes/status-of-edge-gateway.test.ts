import { expect, test } from 'vitest';
import { edgeGatewayFields } from '../../../../sync-agent/status/kubernetes/status-of-edge-gateway.ts';

test('the status of an EdgeGateway holds no more than its schema lets in', () => {
  const isolates = Array.from({ length: 40 }, (_, i) => ({ revision: String(i).padStart(12, '0'), count: 1 }));
  const discovered = Array.from({ length: 300 }, (_, i) => ({
    kind: 'InferenceService' as const,
    namespace: 'gpus',
    name: `llama-${i}`,
    modelName: `llama-${i}`,
    message: 'x'.repeat(2_000),
  }));
  const observation = { isolates, lastError: { time: '2026-11-01T00:00:00Z', message: 'x'.repeat(5_000) } };
  const stored = { conditions: [], parents: [], fields: {} };
  const fields = edgeGatewayFields({ observation, attached: undefined, discovered }, stored);
  expect(fields['isolates']).toHaveLength(32);
  expect(fields['discovered']).toHaveLength(256);
  expect(fields).toMatchObject({
    lastError: { message: expect.stringMatching(/^x{4095,4096}…?$/) },
    discovered: expect.arrayContaining([
      expect.objectContaining({ message: expect.stringMatching(/^x{1023,1024}…?$/) }),
    ]),
  });
});
