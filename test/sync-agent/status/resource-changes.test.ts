import { describe, expect, test } from 'vitest';
import { resourceChanges } from '../../../sync-agent/status/resource-changes.ts';
import { entryName, type EntryDifference } from '../../../sync-agent/table-difference.ts';

const differing = (...entries: EntryDifference[]) =>
  new Map(entries.map((entry) => [entryName(entry.section, entry.id), entry]));

describe('what a publication means for resources', () => {
  test('a model comes, changes and goes with its entry', () => {
    const difference = differing(
      { section: 'models', id: 'team/new', how: 'added' },
      { section: 'models', id: 'team/old', how: 'removed' },
      { section: 'models', id: 'team/kept', how: 'changed' },
    );
    const entries = new Map(
      ['new', 'kept'].map((name) => [`AIModel/team/${name}`, [{ section: 'models' as const, id: `team/${name}` }]]),
    );
    expect(resourceChanges(difference, entries)).toEqual({
      added: ['AIModel/team/new'],
      changed: ['AIModel/team/kept'],
      removed: ['AIModel/team/old'],
    });
  });

  test('what is compiled from an inference service is no resource that somebody could lose', () => {
    const id = 'team/llama..inferenceservice-0123456789abcdef';
    const difference = differing(
      { section: 'routes', id, how: 'added' },
      { section: 'models', id, how: 'added' },
      { section: 'providers', id, how: 'removed' },
    );
    expect(resourceChanges(difference, new Map())).toEqual({ added: [], changed: [], removed: [] });
  });
});
