import { describe, expect, test } from 'vitest';
import type { PublishGuards } from '../../../sync-agent/compile/compilation.ts';
import { intentionOf, revisionNotFound } from '../../../sync-agent/guards/hold.ts';

const free: PublishGuards = {
  suspend: false,
  pinnedRevision: undefined,
  allowShrink: undefined,
  deletionPolicy: 'Retain',
};

describe('an EdgeGateway', () => {
  test.each<[string, Partial<PublishGuards>, string, string | undefined]>([
    ['that says nothing goes forward', {}, 'GoForward', undefined],
    ['that is suspended stays', { suspend: true }, 'Stay', 'Suspended'],
    ['that is pinned goes back', { pinnedRevision: '0123456789ab' }, 'GoBack', 'Pinned'],
    ['that is suspended and pinned stays', { suspend: true, pinnedRevision: '0123456789ab' }, 'Stay', 'Suspended'],
    ['goes forward whatever becomes of it when it is deleted', { deletionPolicy: 'Evict' }, 'GoForward', undefined],
  ])('%s', (_, guards, type, reason) => {
    const intention = intentionOf({ ...free, ...guards }, 'ai/edge');
    expect(intention.type).toBe(type);
    expect(intention.type === 'GoForward' ? undefined : intention.hold.reason).toBe(reason);
  });

  test('whose revision is not kept is told which ones are, or what to do where there is none', () => {
    expect(revisionNotFound('ai/edge', '0', ['1', '2']).sentence).toContain(
      'it keeps 1, 2: pin EdgeGateway ai/edge to',
    );
    expect(revisionNotFound('ai/edge', '0', []).sentence).toContain('it keeps none: take spec.pinnedRevision away');
  });
});
