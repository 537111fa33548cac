import { expect, test } from 'vitest';
import { terminalNarrator } from '../../cli/dev/terminal-narrator.ts';
import type { Problem } from '../../sync-agent/source/source.ts';
import type { Condition } from '../../sync-agent/compile/compilation.ts';

const EDGE = 'default/edge';
const PROBLEM: Problem = { severity: 'error', file: 'a.yaml', line: 3, column: 2, sentence: 'a tab indents this line' };
const FAULT: Condition = {
  type: 'ResolvedRefs',
  status: 'False',
  reason: 'BackendNotFound',
  message: 'LLMProvider default/p does not exist.',
};

function narrate() {
  const lines: string[] = [];
  const narrator = terminalNarrator({ write: (line) => lines.push(line), now: () => 0, verbose: false });
  const told = (): string[] => lines.splice(0).map((line) => line.replace(/^\d\d:\d\d:\d\d {2}/, ''));
  return { narrator, told };
}

const ready = {
  url: 'http://127.0.0.1:1',
  urls: ['http://127.0.0.1:1'],
  revision: 'abc',
  afterMs: 1234,
  counts: { routes: 1, models: 2 },
};

test('the line that says ready begins with the word, and counts what is served', () => {
  const { narrator, told } = narrate();
  narrator.ready(ready);
  expect(told()).toEqual([
    'ready on http://127.0.0.1:1 after 1.2 s: revision abc with 1 route, 2 models. Ctrl-C stops everything.',
  ]);
});

test('what is published before that goes without saying', () => {
  const { narrator, told } = narrate();
  const changes = { added: ['AIModel/default/demo'], changed: [], removed: [] };
  narrator.agent({ type: 'published', edge: EDGE, revision: 'abc', generation: '1.1', changes, blobs: 1 });
  expect(told()).toEqual([]);
  narrator.ready(ready);
  narrator.agent({ type: 'published', edge: EDGE, revision: 'abd', generation: '1.2', changes, blobs: 1 });
  narrator.agent({ type: 'served', edge: EDGE, revision: 'abd', afterMs: 12.3, isolates: 1 });
  expect(told().slice(1)).toEqual([
    'revision  abd: added AIModel/default/demo',
    'serving   abd at the edge, 12 ms after it was published',
  ]);
});

test('a problem is told once, and so is its end', () => {
  const { narrator, told } = narrate();
  narrator.agent({ type: 'problems', problems: [PROBLEM] });
  expect(told()).toEqual(['read      error a.yaml:3:2 a tab indents this line']);
  const second = { ...PROBLEM, line: 9 };
  narrator.agent({ type: 'problems', problems: [PROBLEM, second] });
  expect(told()).toEqual(['read      error a.yaml:9:2 a tab indents this line']);
  narrator.agent({ type: 'problems', problems: [] });
  expect(told()).toEqual(['mended    a.yaml:3', 'mended    a.yaml:9']);
});

test('a fault of a resource is told once, with what to do, and so is its end', () => {
  const { narrator, told } = narrate();
  const counts = { routes: 0, models: 0, providers: 0, consumers: 0 };
  const compiled = (...conditions: Condition[]) => {
    narrator.agent({
      type: 'compiled',
      edge: EDGE,
      conditions: new Map([['AIModel/default/demo', conditions]]),
      counts,
      generations: new Map(),
      discovered: [],
      services: new Map(),
    });
  };
  compiled(FAULT);
  compiled(FAULT);
  expect(told()).toEqual([
    'fault     AIModel/default/demo ResolvedRefs=False BackendNotFound: LLMProvider default/p does not exist.',
  ]);
  compiled({ type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', message: '' });
  expect(told()).toEqual(['mended    AIModel/default/demo']);
});

test('an edge that cannot be reached is told with the time of the next try', () => {
  const { narrator, told } = narrate();
  narrator.agent({ type: 'failed', edge: EDGE, code: 'internal', sentence: 'the edge is away', retryInMs: 2500 });
  expect(told()).toEqual(['failed    the edge is away; next try in 2.5 s']);
});

test('what is held back is told with the reason, what to do and which resources wait, and so is its end', () => {
  const { narrator, told } = narrate();
  const waiting = ['AIModel/default/demo'];
  narrator.agent({
    type: 'held',
    edge: EDGE,
    reason: 'Suspended',
    sentence: 'take spec.suspend away to go on',
    waiting,
  });
  narrator.agent({ type: 'released', edge: EDGE });
  narrator.agent({ type: 'shrunk', edge: EDGE, sentence: 'it drops the only model (AIModel/default/demo)' });
  narrator.agent({ type: 'evicted', edge: EDGE });
  expect(told()).toEqual([
    'held      Suspended: take spec.suspend away to go on (waiting: AIModel/default/demo)',
    'released  nothing is held back any more',
    'warning   it drops the only model (AIModel/default/demo); another agent would have held it back',
    'evicted   the edge no longer serves what EdgeGateway default/edge published',
  ]);
});

test('a rollback is told as one', () => {
  const { narrator, told } = narrate();
  narrator.ready(ready);
  const changes = { added: [], changed: [], removed: ['AIModel/default/demo'] };
  narrator.agent({
    type: 'published',
    edge: EDGE,
    revision: 'abd',
    generation: '1.3',
    changes,
    blobs: 0,
    rollbackOf: 'abc',
  });
  expect(told().at(-1)).toBe('revision  abd: back to abc, removed AIModel/default/demo');
});

test('with several isolates, the line that says ready names all of their origins', () => {
  const { narrator, told } = narrate();
  narrator.ready({ ...ready, urls: [ready.url, 'http://127.0.0.1:2'] });
  expect(told()[0]).toContain('ready on http://127.0.0.1:1 and http://127.0.0.1:2 after 1.2 s');
});
