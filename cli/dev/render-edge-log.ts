import { z } from 'zod';
import type { EdgeLogLine } from '../../dev/edge.ts';
import { duration } from './duration.ts';

/** A line of the worker's log, short enough to be read as it passes. */
export interface RenderedLine {
  readonly word: string;
  readonly colour: 'red' | 'yellow' | 'green';
  readonly sentence: string;
}

/** Of the record of a request (worker/pipeline/request-record.ts), what a developer looks for first. */
const requestLine = z.looseObject({
  event: z.literal('request'),
  'http.response.status_code': z.number(),
  'fairlead.outcome': z.string(),
  'fairlead.duration_ms': z.number(),
  'fairlead.first_answer_ms': z.number().optional(),
  'url.path': z.string(),
  'gen_ai.operation.name': z.string().optional(),
  'gen_ai.request.model': z.string().optional(),
  'gen_ai.usage.input_tokens': z.number().optional(),
  'gen_ai.usage.output_tokens': z.number().optional(),
  'fairlead.backend': z.string().optional(),
  'fairlead.consumer': z.string().optional(),
  'fairlead.attempts': z.array(z.looseObject({ backend: z.string(), outcome: z.string() })).optional(),
  'error.type': z.string().optional(),
  'fairlead.error.detail': z.string().optional(),
});
type RequestLine = z.infer<typeof requestLine>;

const otherLine = z.looseObject({ level: z.enum(['debug', 'info', 'warn', 'error']), message: z.string() });

/** Undefined for lines that tell a developer nothing that the agent does not tell. */
export function renderEdgeLog({ level, message }: EdgeLogLine): RenderedLine | undefined {
  const json = parseJson(message);
  const request = requestLine.safeParse(json);
  if (request.success) return renderRequest(request.data);
  const other = otherLine.safeParse(json);
  if (other.success) return renderOther(other.data);
  const refused = /connecting to (\S+) is not allowed/.exec(message)?.[1];
  if (refused !== undefined)
    return {
      word: 'network',
      colour: 'red',
      sentence: `${refused} is neither public nor this machine: it is out of reach here`,
    };
  const [firstLine = ''] = message.split('\n');
  return level === 'error' || level === 'warn' ? { word: 'workerd', colour: 'red', sentence: firstLine } : undefined;
}

function renderRequest(line: RequestLine): RenderedLine {
  const status = line['http.response.status_code'];
  const outcome = line['fairlead.outcome'];
  const isWhole = outcome === 'completed' && status < 400;
  const parts = [
    subjectOf(line),
    wayOf(line),
    tokensOf(line),
    timeOf(line),
    line['fairlead.consumer'] ?? '',
    isWhole ? '' : faultOf(line),
  ];
  const colour = isWhole ? 'green' : status >= 500 || outcome === 'interrupted' ? 'red' : 'yellow';
  return { word: String(status), colour, sentence: parts.filter((part) => part !== '').join('  ') };
}

function subjectOf(line: RequestLine): string {
  const operation = line['gen_ai.operation.name'];
  const model = line['gen_ai.request.model'];
  return operation === undefined || model === undefined ? line['url.path'] : `${operation} ${model}`;
}

/** The backends in the order in which they were tried; where there were several, why the failed ones failed. */
function wayOf(line: RequestLine): string {
  const backend = line['fairlead.backend'];
  const attempts = line['fairlead.attempts'] ?? [];
  const way =
    attempts.length < 2
      ? [backend ?? attempts[0]?.backend ?? '']
      : attempts.map((attempt) =>
          attempt.outcome === 'answered' ? attempt.backend : `${attempt.backend} (${attempt.outcome})`,
        );
  return way[0] === '' ? '' : `-> ${way.join(' -> ')}`;
}

function tokensOf(line: RequestLine): string {
  const input = line['gen_ai.usage.input_tokens'];
  const output = line['gen_ai.usage.output_tokens'];
  return input === undefined || output === undefined ? '' : `${input}+${output} tokens`;
}

function timeOf(line: RequestLine): string {
  const first = line['fairlead.first_answer_ms'];
  const whole = duration(line['fairlead.duration_ms']);
  return first === undefined ? whole : `${whole} (first ${duration(first)})`;
}

function faultOf(line: RequestLine): string {
  if (line['fairlead.outcome'] === 'client_abort') return 'the client left';
  const code = line['error.type'] ?? line['fairlead.outcome'];
  const detail = line['fairlead.error.detail'];
  return detail === undefined ? code : `${code}: ${detail}`;
}

function renderOther({ level, message, ...fields }: z.infer<typeof otherLine>): RenderedLine | undefined {
  if (level === 'debug' || level === 'info') return undefined;
  const { event: _event, time: _time, ...rest } = fields;
  const told = Object.entries(rest).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return { word: 'edge', colour: level === 'error' ? 'red' : 'yellow', sentence: [message, ...told].join('  ') };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
