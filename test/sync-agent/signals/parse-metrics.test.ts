import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseMetrics } from '../../../sync-agent/signals/parse-metrics.ts';

const NAMES = new Set(['load', 'ns:load']);
const valuesOf = (text: string) => parseMetrics(text, NAMES).map(({ value }) => value);

describe('a page of metrics', () => {
  it('is read for some names, with labels, whatever blanks stand between', () => {
    expect(
      parseMetrics(
        [
          '# TYPE load gauge',
          'load 1',
          'ns:load{a="b"} 2',
          '  load\t{ a = "b" , c="d", }\t3.5e1 1700000000',
          'loads 4',
        ].join('\n'),
        NAMES,
      ),
    ).toEqual([
      { name: 'load', labels: {}, value: 1 },
      { name: 'ns:load', labels: { a: 'b' }, value: 2 },
      { name: 'load', labels: { a: 'b', c: 'd' }, value: 35 },
    ]);
  });

  it('may have braces, commas, line ends and quotes in its labels', () => {
    expect(parseMetrics(String.raw`load{a="} 7",b="x\"y\\z\nw\q",c=""} 1`, NAMES)).toEqual([
      { name: 'load', labels: { a: '} 7', b: 'x"y\\z\nw\\q', c: '' }, value: 1 },
    ]);
  });

  it('leaves out what is not a number, and what is infinite: neither is a load', () => {
    expect(valuesOf('load NaN\nload +Inf\nload -Inf\nload\nload x\nload{a="b"}\nload 0\n')).toEqual([0]);
  });

  it('may be OpenMetrics, with exemplars and an end', () => {
    expect(valuesOf('load{a="b"} 4 1700000000.5 # {trace_id="x"} 0.67\nload 5 # {} 1\n# EOF\n')).toEqual([4, 5]);
  });

  it('may end in the middle of a line, have Windows’ line ends, or be something else altogether', () => {
    expect(valuesOf('load 1\r\nload{a="b"} 2\r\nload{a="b')).toEqual([1, 2]);
    expect(valuesOf('{"load": 1}')).toEqual([]);
    expect(valuesOf('<html>load 1</html>')).toEqual([]);
    expect(valuesOf('')).toEqual([]);
  });

  it('gives labels that are called like what every object has', () => {
    const [sample] = parseMetrics('load{__proto__="a",constructor="b"} 1', NAMES);

    expect(Object.entries(sample!.labels)).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
  });

  it('gives what was written, for any labels and numbers', () => {
    const label = fc.record({ name: fc.stringMatching(/^[a-z]{1,8}$/), value: fc.string() });
    const escaped = (value: string) => value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
    fc.assert(
      fc.property(
        fc.uniqueArray(label, { selector: ({ name }) => name }),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        (labels, value) => {
          const written = labels.map(({ name, value }) => `${name}="${escaped(value)}"`).join(',');
          const [sample] = parseMetrics(`load{${written}} ${value}\n`, NAMES);

          expect(sample?.value === value).toBe(true);
          expect(sample?.labels).toEqual(Object.fromEntries(labels.map(({ name, value }) => [name, value])));
        },
      ),
    );
  });

  it('never throws, whatever it is', () => {
    const noise = fc.stringMatching(/^(load|\{|\}|"|\\|,|=| |\n|a|1|#|NaN){0,60}$/);
    fc.assert(
      fc.property(fc.oneof(noise, fc.string()), (text) => {
        for (const { value } of parseMetrics(text, NAMES)) expect(value).toSatisfy(Number.isFinite);
      }),
    );
  });

  it('is read to its end in no time, and of endless samples the first ten thousand', () => {
    const other = `other_bucket{model_name="meta-llama/Llama-3.1-8B-Instruct",le="0.5"} 1.0\n`.repeat(60_000);

    expect(valuesOf(`${other}load 1\n`)).toEqual([1]);
    expect(valuesOf('load 1\n'.repeat(20_000))).toHaveLength(10_000);
    expect(valuesOf(`load{${'a="b",'.repeat(100_000)} 1\nload 2`)).toEqual([2]);
    expect(valuesOf(`load{a="${'\\'.repeat(100_001)} 1\nload 2`)).toEqual([2]);
  });
});
