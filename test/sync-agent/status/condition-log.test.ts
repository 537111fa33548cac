import { describe, expect, test } from 'vitest';
import type { Condition } from '../../../sync-agent/compile/compilation.ts';
import { jsonLogger } from '../../../sync-agent/json-log.ts';
import { conditionLog } from '../../../sync-agent/status/condition-log.ts';

const counts = { routes: 0, models: 0, providers: 0, consumers: 0 };
const generations = new Map<string, number>();
const missing: Condition = { type: 'ResolvedRefs', status: 'False', reason: 'SecretNotFound', message: 'no Secret' };
const conflicted: Condition = { type: 'Programmed', status: 'False', reason: 'Conflicted', message: 'gives way' };
const pending: Condition = { type: 'Programmed', status: 'False', reason: 'Pending', message: 'not yet' };

/** A sink, and what it wrote so far: `resource message`. */
function log() {
  const lines: string[] = [];
  const write = (line: string) => {
    const { resource, message }: { resource?: string; message: string } = JSON.parse(line);
    lines.push(resource === undefined ? message : `${resource} ${message}`);
  };
  return { lines, sink: conditionLog(jsonLogger(write, { now: () => 0 }, 'info')) };
}

describe('the log of an agent that has nowhere else to report to', () => {
  test('says once what stands against a resource, that it does no more, and again when it comes back, for each edge', () => {
    const { lines, sink } = log();
    const compiled = (edge: string, ...conditions: Condition[]) =>
      sink.report({
        type: 'compiled',
        edge,
        conditions: new Map([['LLMProvider/ai/p', conditions]]),
        counts,
        generations,
        discovered: [],
        services: new Map(),
      });
    compiled('ai/one', missing);
    compiled('ai/two', missing);
    compiled('ai/one', missing);
    expect(lines).toHaveLength(2);
    compiled('ai/one');
    compiled('ai/one', missing);
    expect(lines.slice(2)).toEqual(['LLMProvider/ai/p no longer so', 'LLMProvider/ai/p no Secret']);
  });

  test('says which routes give way to another cluster, and nothing that other lines say', () => {
    const { lines, sink } = log();
    const conditions = new Map([
      ['GatewayRoute/ai/chat', conflicted],
      ['AIModel/ai/small', pending],
    ]);
    sink.report({ type: 'programmed', edge: 'ai/edge', conditions, generations });
    sink.report({ type: 'programmed', edge: 'ai/edge', conditions, generations });
    expect(lines).toEqual(['GatewayRoute/ai/chat gives way']);
  });
});
