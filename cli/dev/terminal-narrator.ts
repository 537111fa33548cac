import { styleText } from 'node:util';
import type { EdgeLogLine } from '../../dev/edge.ts';
import type { Condition } from '../../sync-agent/compile/compilation.ts';
import type { ResourceKey } from '../../sync-agent/snapshot.ts';
import type { Problem } from '../../sync-agent/source/source.ts';
import type { AgentEvent } from '../../sync-agent/status/status-sink.ts';
import { faultsOf, type Fault } from '../faults.ts';
import { renderProblem } from '../render-problem.ts';
import { duration } from './duration.ts';
import type { Narrator, Ready, StartedGateway } from './narrator.ts';
import { renderEdgeLog } from './render-edge-log.ts';

export interface TerminalOptions {
  readonly write: (line: string) => void;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Show the worker's lines as it writes them. */
  readonly verbose: boolean;
}

/** Every line begins with the time and one word that says what happened, so that the eye finds it. */
export function terminalNarrator({ write, now, verbose }: TerminalOptions): Narrator {
  let isReady = false;
  const tell: Tell = (text, colour, sentence) => {
    const time = new Date(now()).toTimeString().slice(0, 8);
    write(`${styleText('dim', time)}  ${styleText(colour, text.padEnd(8))}  ${sentence}`);
  };
  return {
    started: (gateway) => write(renderStart(gateway)),
    ready: (ready) => {
      isReady = true;
      write(renderReady(ready));
    },
    agent: agentTeller(tell, () => isReady),
    edgeLog: (line: EdgeLogLine) => {
      if (verbose) return write(line.message);
      const rendered = renderEdgeLog(line);
      if (rendered !== undefined) tell(rendered.word, rendered.colour, rendered.sentence);
    },
    note: (sentence) => tell('note', 'dim', sentence),
    stopping: () => write('stopping'),
  };
}

type Tell = (word: string, colour: Colour, sentence: string) => void;

/** Tells what is new in an event: of a list that comes whole each time, what came and what went. */
function agentTeller(tell: Tell, isReady: () => boolean): (event: AgentEvent) => void {
  let problems: readonly Problem[] = [];
  let faults: readonly Fault[] = [];
  return (event) => {
    switch (event.type) {
      case 'problems':
        for (const problem of without(event.problems, problems)) tell('read', 'red', renderProblem(problem));
        for (const { file, line } of without(problems, event.problems)) tell('mended', 'green', `${file}:${line}`);
        problems = event.problems;
        return;
      case 'compiled': {
        const found = faultsOf({ conditions: event.conditions });
        for (const fault of without(found, faults)) tell('fault', 'red', renderFault(fault));
        for (const { resource } of without(faults, found))
          if (!found.some((fault) => fault.resource === resource)) tell('mended', 'green', resource);
        faults = found;
        return;
      }
      case 'published':
        if (isReady()) tell('revision', 'cyan', renderPublished(event));
        return;
      case 'served':
        if (isReady()) tell('serving', 'green', renderServed(event));
        return;
      case 'failed':
        tell('failed', 'red', renderFailed(event));
        return;
      case 'held':
        tell('held', 'yellow', renderHeld(event));
        return;
      case 'shrunk':
        tell('warning', 'yellow', `${event.sentence}; another agent would have held it back`);
        return;
      case 'released':
        tell('released', 'green', 'nothing is held back any more');
        return;
      case 'evicted':
        tell('evicted', 'yellow', `the edge no longer serves what EdgeGateway ${event.edge} published`);
        return;
      case 'no-edge':
        tell('no edge', 'red', 'the folder has no EdgeGateway that could be used');
        return;
      case 'edges':
      case 'unchanged':
      case 'programmed':
      case 'observed':
        return;
    }
  };
}

function renderPublished({ revision, changes, rollbackOf }: Extract<AgentEvent, { type: 'published' }>): string {
  const back = rollbackOf === undefined ? '' : `back to ${rollbackOf}, `;
  return `${revision}: ${back}${renderChanges(changes)}`;
}

function renderHeld({ reason, sentence, waiting }: Extract<AgentEvent, { type: 'held' }>): string {
  return `${reason}: ${sentence}${waiting.length === 0 ? '' : ` (waiting: ${abbreviate(waiting)})`}`;
}

function renderServed({ revision, afterMs, isolates }: Extract<AgentEvent, { type: 'served' }>): string {
  const by = isolates > 1 ? `, by ${isolates} isolates` : '';
  return `${revision} at the edge, ${duration(afterMs)} after it was published${by}`;
}

function renderFailed({ sentence, retryInMs }: Extract<AgentEvent, { type: 'failed' }>): string {
  return retryInMs === null ? sentence : `${sentence}; next try in ${duration(retryInMs)}`;
}

type Colour = 'red' | 'green' | 'yellow' | 'cyan' | 'dim';

/** Those of `list` that `known` does not hold, compared by content. */
function without<T>(list: readonly T[], known: readonly T[]): T[] {
  const contents = new Set(known.map((item) => JSON.stringify(item)));
  return list.filter((item) => !contents.has(JSON.stringify(item)));
}

function renderFault({ resource, condition }: { resource: ResourceKey; condition: Condition }): string {
  return `${styleText('bold', resource)} ${condition.type}=False ${condition.reason}: ${condition.message.replaceAll('\n', ' ')}`;
}

function renderChanges(changes: Readonly<Record<'added' | 'changed' | 'removed', readonly string[]>>): string {
  const parts = (['added', 'changed', 'removed'] as const)
    .filter((verb) => changes[verb].length > 0)
    .map((verb) => `${verb} ${abbreviate(changes[verb])}`);
  return parts.length === 0 ? 'no resource changed' : parts.join(', ');
}

function abbreviate(names: readonly string[]): string {
  return names.length <= 5 ? names.join(', ') : `${names.slice(0, 4).join(', ')} and ${names.length - 4} more`;
}

function renderStart({ folder, edge, isolates, simulator, openAIModel, commands }: StartedGateway): string {
  const row = (name: string, where: string, what: string): string =>
    `  ${name.padEnd(10)} ${styleText('cyan', where.padEnd(28))} ${styleText('dim', what)}`;
  return [
    '',
    row('edge', edge, 'the worker, in workerd as deployed'),
    ...isolates.slice(1).map((isolate) => row('', isolate, 'another isolate of it, with the same hub')),
    row('agent', folder, 'watched: compiled, signed and published as you save'),
    row('simulator', `${simulator}/v1`, 'a model that costs nothing and answers at once'),
    ...(openAIModel === undefined
      ? []
      : [row('OpenAI', openAIModel, 'the real provider, with the key of OPENAI_API_KEY')]),
    ...commands.flatMap(({ title, text }) => ['', styleText('bold', `# ${title}`), text]),
    '',
  ].join('\n');
}

function renderReady({ url, urls, revision, afterMs, counts }: Ready): string {
  const held = Object.entries(counts).map(([kind, count]) => `${count} ${count === 1 ? kind.slice(0, -1) : kind}`);
  const where = [url, ...urls.slice(1)].map((origin) => styleText('green', origin)).join(' and ');
  return `ready on ${where} after ${duration(afterMs)}: revision ${revision} with ${held.join(', ')}. Ctrl-C stops everything.`;
}
