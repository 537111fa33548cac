import { describe, expect, test } from 'vitest';
import { describeIssue } from '../../crds/issues.ts';
import { parseResource } from '../../crds/parse-resource.ts';

function refusal(object: unknown): string[] {
  const parsed = parseResource(object);
  return parsed.outcome === 'invalid' ? parsed.issues.map(describeIssue) : [];
}

const model = {
  apiVersion: 'fairlead.dev/v1alpha1',
  kind: 'AIModel',
  metadata: { name: 'demo' },
  spec: { modelName: 'demo', backends: [{ name: 'a', type: 'Provider', providerRef: { name: 'openai' } }] },
};

describe('a resource from a file', () => {
  test('stands in the namespace default where it names none', () => {
    expect(parseResource(model)).toMatchObject({ resource: { metadata: { namespace: 'default' } } });
  });

  test('gets a path that leads to each mistake', () => {
    const parsed = parseResource({ ...model, spec: { ...model.spec, aliases: ['ok', 'a b'], modelNam: 'x' } });

    expect(parsed).toMatchObject({ issues: [{ path: ['spec', 'aliases', 1] }, { path: ['spec', 'modelNam'] }] });
  });

  test('is read as it came from kubectl get -o yaml', () => {
    const stored = {
      ...model,
      metadata: {
        name: 'demo',
        namespace: 'team-a',
        uid: '8e2b',
        resourceVersion: '12',
        generation: 2,
        creationTimestamp: '2026-11-01T10:00:00Z',
        finalizers: ['fairlead.dev/edge'],
        ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'a', uid: 'b', controller: true }],
        managedFields: [{ manager: 'kubectl', fieldsV1: {} }],
      },
    };

    expect(parseResource(stored)).toMatchObject({ outcome: 'resource' });
  });
});

describe('what is no resource of ours', () => {
  test.each([
    { apiVersion: 'v1', kind: 'Namespace' },
    { apiVersion: 'apps/v1', kind: 'Deployment' },
    { apiVersion: 'example.com/v1', kind: 'AIModel' },
  ])('$apiVersion $kind is left unread', (object) => {
    expect(parseResource(object)).toEqual({ outcome: 'unread', ...object });
  });

  test.each([[null], ['text'], [[]], [12]])('%j is refused', (object) => {
    expect(refusal(object)).toEqual(['must be a resource, with apiVersion, kind, metadata and spec']);
  });

  test('is refused for a field that an object inherits', () => {
    expect(refusal({ ...model, kind: 'constructor' })).toMatchObject([expect.stringContaining('unknown kind')]);
  });
});

test('a value in the wrong place is never repeated, as it may be a key', () => {
  const provider = { dialect: 'OpenAI', baseURL: 'https://api.example.com', auth: 'sk-live-1234' };
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' }, stringData: { pin: 1234 } };
  const sentences = [...refusal({ ...model, kind: 'LLMProvider', spec: provider }), ...refusal(secret)];

  expect(sentences).toEqual([
    'spec.auth: must be an object, not a string',
    'stringData.pin: must be a string, not a number: put it in quotes',
  ]);
});
