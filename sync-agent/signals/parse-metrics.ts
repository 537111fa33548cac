/** One line of an exposition. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Finite. */
  readonly value: number;
}

const MOST_SAMPLES = 10_000;
/** Nobody's labels are that long, and taking a line of a megabyte apart holds up everything else for a second. */
const LONGEST_LINE = 16 * 1024;

/**
 * The samples of some metrics in Prometheus' text format or in OpenMetrics, in their order; all other lines are passed
 * over unread. What is NaN or infinite is not known, and left out, as is a line that is not of the format. Timestamps
 * and exemplars are passed over.
 *
 * https://prometheus.io/docs/instrumenting/exposition_formats
 */
export function parseMetrics(text: string, names: ReadonlySet<string>): readonly Sample[] {
  const samples: Sample[] = [];
  for (let start = 0; start < text.length && samples.length < MOST_SAMPLES;) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    const sample = end - start > LONGEST_LINE ? undefined : parseLine(text, start, end, names);
    if (sample) samples.push(sample);
    start = end + 1;
  }
  return samples;
}

const HASH = 0x23;
const BRACE = 0x7b;
const SPACE = 0x20;
const TAB = 0x09;

function parseLine(text: string, start: number, end: number, names: ReadonlySet<string>): Sample | undefined {
  let at = start;
  while (at < end && isBlank(text.charCodeAt(at))) at++;
  if (text.charCodeAt(at) === HASH) return undefined;
  const nameStart = at;
  while (at < end && text.charCodeAt(at) !== BRACE && !isBlank(text.charCodeAt(at))) at++;
  const name = text.slice(nameStart, at);
  if (!names.has(name)) return undefined;
  const rest = text.slice(at, end).trimStart();
  const labelled = rest.startsWith('{') ? readLabels(rest) : { labels: {}, length: 0 };
  if (!labelled) return undefined;
  const [token = ''] = rest
    .slice(labelled.length)
    .trimStart()
    .split(/[ \t\r]/, 1);
  const value = token === '' ? Number.NaN : Number(token);
  return Number.isFinite(value) ? { name, labels: labelled.labels, value } : undefined;
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** One pair, or the closing brace. Within quotes everything but a quote and a backslash may stand as it is. */
const LABEL = /[ \t]*(?:(?<name>[a-zA-Z_]\w*)[ \t]*=[ \t]*"(?<value>(?:[^"\\]|\\.)*)"[ \t]*,?|(?<end>\}))/y;

/** `{a="b"}`, with commas between pairs and, perhaps, behind the last. */
function readLabels(text: string): { labels: Record<string, string>; length: number } | undefined {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 1;
  for (let found = LABEL.exec(text); found?.groups; found = LABEL.exec(text)) {
    const { name, value, end } = found.groups;
    if (end !== undefined) return { labels, length: LABEL.lastIndex };
    // A label may be called __proto__.
    if (name !== undefined) Object.defineProperty(labels, name, { value: unescaped(value ?? ''), enumerable: true });
  }
  return undefined;
}

/** Only these three are escaped; what stands behind any other backslash stays as it is. */
function unescaped(value: string): string {
  if (!value.includes('\\')) return value;
  return value.replaceAll(/\\([\\"n])/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
}
