import { describe, expect, test } from 'vitest';
import { CannotEdit, editSpecField } from '../../cli/rollback/edit-spec-field.ts';

const EDGE = 'EdgeGateway/default/edge';
const set = (text: string, value: string | undefined = '0123456789ab', resource = EDGE) =>
  editSpecField(text, resource, 'pinnedRevision', value);

const YAML = `# The production edge.
apiVersion: fairlead.dev/v1alpha1
kind: EdgeGateway
metadata: { name: edge }   # in the default namespace
spec: # what it is
  # Its identity.
  endpoint:   'https://llm.example.com'

  clusterName: production # never changes
`;

describe('setting a field of a spec in a file', () => {
  test('adds one line, quoted, and leaves every other character', () => {
    expect(set(YAML)).toBe(
      YAML.replace('spec: # what it is\n', 'spec: # what it is\n  pinnedRevision: "0123456789ab"\n'),
    );
  });

  test('replaces the value where it is there, and its comment stays', () => {
    const pinned = YAML.replace('  clusterName', "  pinnedRevision: 'aaaaaaaaaaaa'  # since Monday\n  clusterName");
    expect(set(pinned)).toBe(pinned.replace("'aaaaaaaaaaaa'", '"0123456789ab"'));
  });

  test('what was set and removed again is the file as it was', () => {
    expect(editSpecField(set(YAML), EDGE, 'pinnedRevision', undefined)).toBe(YAML);
    expect(editSpecField(YAML, EDGE, 'pinnedRevision', undefined)).toBe(YAML);
  });

  test('a value that looks like a number stays text', () => {
    expect(set(YAML, '012345678901')).toContain('pinnedRevision: "012345678901"');
    expect(set(YAML, '1234567890e1')).toContain('pinnedRevision: "1234567890e1"');
  });

  test('the right one among several documents, and within a List', () => {
    const other = YAML.replace('name: edge', 'name: staging, namespace: west');
    const list = `kind: List\nitems:\n  - kind: EdgeGateway\n    metadata:\n      name: listed\n    spec:\n      a: b\n`;
    const file = `${other}---\n${YAML}---\n${list}`;
    expect(set(file)).toBe(`${other}---\n${set(YAML)}---\n${list}`);
    expect(set(file, 'x', 'EdgeGateway/west/staging').startsWith(set(other, 'x', 'EdgeGateway/west/staging'))).toBe(
      true,
    );
    expect(set(file, 'x', 'EdgeGateway/default/listed')).toContain(
      '    spec:\n      pinnedRevision: "x"\n      a: b\n',
    );
  });

  test('line ends of Windows stay', () => {
    const windows = YAML.replaceAll('\n', '\r\n');
    expect(set(windows)).toBe(set(YAML).replaceAll('\n', '\r\n'));
    expect(editSpecField(set(windows), EDGE, 'pinnedRevision', undefined)).toBe(windows);
  });

  test('JSON, spread out or on one line, keeps its form, there and back', () => {
    const object = {
      kind: 'EdgeGateway',
      metadata: { name: 'edge' },
      spec: { endpoint: 'https://e', clusterName: 'c' },
    };
    for (const text of [JSON.stringify(object), JSON.stringify(object, null, 2), JSON.stringify(object, null, '\t')]) {
      const edited = set(text);
      expect(JSON.parse(edited)).toEqual({ ...object, spec: { ...object.spec, pinnedRevision: '0123456789ab' } });
      expect(edited.split('\n')).toHaveLength(text.includes('\n') ? text.split('\n').length + 1 : 1);
      expect(editSpecField(edited, EDGE, 'pinnedRevision', undefined)).toBe(text);
    }
    const last = JSON.stringify({ ...object, spec: { ...object.spec, pinnedRevision: 'x' } });
    expect(editSpecField(last, EDGE, 'pinnedRevision', undefined)).toBe(JSON.stringify(object));
  });

  test.each([
    ['a spec behind an alias', 'kind: EdgeGateway\nmetadata: {name: edge}\nbase: &b {a: 1}\nspec: *b\n'],
    ['a resource that is not in it', 'kind: EdgeGateway\nmetadata: {name: other}\nspec: {a: 1}\n'],
  ])('%s is left alone, with the reason', (_what, text) => {
    expect(() => set(text)).toThrow(CannotEdit);
  });
});
