import { describe, expect, test } from 'vitest';
import { parseDocuments, type ParsedFile } from '../../../sync-agent/source/parse-documents.ts';

const provider = (name: string, baseURL = 'https://api.openai.com/v1') =>
  `apiVersion: fairlead.dev/v1alpha1
kind: LLMProvider
metadata:
  name: ${name}
spec:
  dialect: OpenAI
  baseURL: ${baseURL}
`;

/** `line:column resource? sentence` of every problem. */
function told({ problems }: ParsedFile): string[] {
  return problems.map(({ line, column, resource, sentence }) =>
    [`${line}:${column}`, ...(resource === undefined ? [] : [resource]), sentence].join(' '),
  );
}

function keys({ resources }: ParsedFile): string[] {
  return resources.map(({ key, line }) => `${key} at ${line}`);
}

describe('what a file says', () => {
  test('several documents, each with the line that it begins at', () => {
    const parsed = parseDocuments('a.yaml', `# providers\n${provider('one')}---\n${provider('two')}`);
    expect(told(parsed)).toEqual([]);
    expect(keys(parsed)).toEqual(['LLMProvider/default/one at 2', 'LLMProvider/default/two at 10']);
  });

  test('a resource without a time of creation always gets the same', () => {
    const [found] = parseDocuments('a.yaml', provider('one')).resources;
    expect(found?.resource.metadata).toMatchObject({
      namespace: 'default',
      creationTimestamp: '1970-01-01T00:00:00Z',
    });
  });

  test('hundreds of documents, the line of each counted from the top of the file', () => {
    const text = Array.from({ length: 300 }, (_, i) => provider(`p${i}`)).join('---\n');
    const { resources } = parseDocuments('a.yaml', text);
    expect(resources.map(({ line }) => line)).toEqual(Array.from({ length: 300 }, (_, i) => 1 + 8 * i));
    expect(resources[299]?.key).toBe('LLMProvider/default/p299');
  });

  test('JSON, indented by tabs', () => {
    const json = JSON.stringify(
      { apiVersion: 'fairlead.dev/v1alpha1', kind: 'Consumer', metadata: { name: 'ann' }, spec: { keys: 7 } },
      null,
      '\t',
    );
    const [sentence] = told(parseDocuments('a.json', json));
    expect(sentence).toMatch(/^8:3 Consumer\/default\/ann spec\.keys: must be a list/);
  });

  test('the items of a List, each with its own line', () => {
    const list = `apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Secret
  metadata: {name: one}
- apiVersion: v1
  kind: Secret
  metadata: {name: two, colour: blue}
`;
    const parsed = parseDocuments('a.yaml', list);
    expect(keys(parsed)).toEqual(['Secret/default/one at 4']);
    expect(told(parsed)).toEqual(['9:25 Secret/default/two metadata.colour: unknown field']);
  });

  test('the clear part of a Secret is encoded, as the API server does it', () => {
    const secret = `apiVersion: v1\nkind: Secret\nmetadata: {name: key}\ndata: {a: b2xk, b: Yg==}\nstringData: {a: new}\n`;
    const [found] = parseDocuments('a.yaml', secret).resources;
    expect(found?.resource).toMatchObject({ data: { a: 'bmV3', b: 'Yg==' }, stringData: {} });
  });

  test('nothing, in a file of comments and separators', () => {
    expect(parseDocuments('a.yaml', '# nothing yet\n---\n---\n# really\n')).toEqual({
      resources: [],
      problems: [],
      unread: [],
    });
  });

  test('kinds of others are left aside, not refused', () => {
    const parsed = parseDocuments('a.yaml', 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n');
    expect(parsed.problems).toEqual([]);
    expect(parsed.unread).toEqual([{ file: 'a.yaml', apiVersion: 'apps/v1', kind: 'Deployment', line: 1, column: 1 }]);
  });

  test('merge keys and aliases are followed, and a fault behind one is still given a line', () => {
    const yaml = `apiVersion: v1
kind: Secret
metadata: &meta
  name: one
---
apiVersion: v1
kind: Secret
metadata: &base {name: two}
data: &data
  wrong: "***"
`;
    const parsed = parseDocuments('a.yaml', yaml);
    expect(keys(parsed)).toEqual(['Secret/default/one at 1']);
    expect(told(parsed)).toEqual([
      '10:3 Secret/default/two data.wrong: must be base64; a value in the clear belongs into stringData',
    ]);
  });
});

describe('what is wrong with a file, and where', () => {
  test('an unknown field has the line of the field', () => {
    const parsed = parseDocuments('a.yaml', `${provider('one')}  basURL: https://x\n`);
    expect(told(parsed)).toEqual(['8:3 LLMProvider/default/one spec.basURL: unknown field; did you mean baseURL?']);
  });

  test('a missing field has the line of what it is missing from', () => {
    const parsed = parseDocuments('a.yaml', provider('one').replace(/ {2}baseURL.*\n/, ''));
    expect(told(parsed)).toEqual(['5:1 LLMProvider/default/one spec.baseURL: is required']);
  });

  test('a field within a list has its own line', () => {
    const yaml = `apiVersion: fairlead.dev/v1alpha1
kind: Consumer
metadata: {name: ann, namespace: team}
spec:
  keys:
  - name: laptop
    type: SHA256
    sha256: abc
`;
    expect(told(parseDocuments('a.yaml', yaml))[0]).toMatch(/^8:5 Consumer\/team\/ann spec\.keys\[0\]\.sha256: /);
  });

  test('one bad document leaves the others of its file as they are', () => {
    const parsed = parseDocuments('a.yaml', `${provider('one')}---\nkind: [\n---\n${provider('two')}`);
    expect(keys(parsed)).toEqual(['LLMProvider/default/one at 1', 'LLMProvider/default/two at 11']);
    expect(told(parsed)).toHaveLength(1);
    expect(told(parsed)[0]).toMatch(/is not valid YAML/);
  });

  test('a tab', () => {
    expect(told(parseDocuments('a.yaml', 'spec:\n\tdialect: OpenAI\n'))).toEqual([
      '2:1 a tab indents this line: YAML allows only spaces there',
    ]);
  });

  test('a key that stands twice', () => {
    expect(told(parseDocuments('a.yaml', `${provider('one')}  dialect: OpenAI\n`))).toEqual([
      '8:3 the key dialect stands twice in one object: delete one',
    ]);
  });

  test('an anchor bomb, before it goes off', () => {
    let bomb = 'a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n';
    for (let i = 1; i < 10; i++)
      bomb += `a${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(', ')}]\n`;
    expect(told(parseDocuments('a.yaml', bomb))).toEqual([
      '1:1 its aliases (*name) expand to more than 100 copies: write the values out',
    ]);
  });

  test('an alias of nothing', () => {
    expect(told(parseDocuments('a.yaml', 'metadata: *nobody\n'))[0]).toMatch(/^1:1 is not valid YAML: .*nobody/);
  });

  test('ten thousand levels', () => {
    for (const text of ['['.repeat(10_000), `a: ${'['.repeat(10_000)}${']'.repeat(10_000)}`, '- '.repeat(10_000)])
      expect(told(parseDocuments('a.yaml', text))).toHaveLength(1);
  });

  test('a hundred thousand keys, in no more than seconds', () => {
    const wide = Array.from({ length: 100_000 }, (_, i) => `k${i}: 1`).join('\n');
    expect(told(parseDocuments('a.yaml', wide)).length).toBeGreaterThan(0);
  });

  test('something that is no resource', () => {
    expect(told(parseDocuments('a.yaml', 'just some text\n'))).toEqual([
      '1:1 must be a resource, with apiVersion, kind, metadata and spec',
    ]);
    expect(told(parseDocuments('a.yaml', 'kind: Consumer\n'))).toEqual(['1:1 apiVersion: is required']);
  });

  test('a kind that is misspelt', () => {
    const parsed = parseDocuments('a.yaml', provider('one').replace('LLMProvider', 'LLMProvder'));
    expect(told(parsed)).toEqual([
      '2:1 LLMProvder/default/one kind: unknown kind LLMProvder; did you mean LLMProvider?',
    ]);
  });
});
