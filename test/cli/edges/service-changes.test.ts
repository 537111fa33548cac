import { expect, test } from 'vitest';
import { servicesNamed } from '../../../cli/edges/service-changes.ts';

const SUFFIX = 'team/llama..inferenceservice-0a1b2c3d4e5f6071';

test('what was compiled from one inference service is told as one change of that service', () => {
  const fields = [{ path: 'baseURL', before: 'a', after: 'b' }];
  expect(
    servicesNamed([
      { resource: 'GatewayRoute/team/chat', how: 'changed', fields: [] },
      { resource: `AIModel/${SUFFIX}`, how: 'added', fields: [] },
      { resource: `LLMProvider/${SUFFIX}`, how: 'changed', fields },
      {
        resource: `GatewayRoute/${SUFFIX.replace('inferenceservice', 'llminferenceservice')}`,
        how: 'removed',
        fields: [],
      },
    ]),
  ).toEqual([
    { resource: 'GatewayRoute/team/chat', how: 'changed', fields: [] },
    { resource: 'InferenceService/team/llama', how: 'changed', fields },
    { resource: 'LLMInferenceService/team/llama', how: 'removed', fields: [] },
  ]);
});

test('a resource that somebody wrote keeps its name, whatever it is called', () => {
  const change = { resource: 'LLMProvider/team/a.b-0a1b2c3d', how: 'added', fields: [] } as const;
  expect(servicesNamed([change])).toEqual([change]);
});
