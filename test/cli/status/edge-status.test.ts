import { expect, test } from 'vitest';
import { impairedOf, missingOf } from '../../../cli/status/edge-status.ts';
import type { Condition } from '../../../sync-agent/compile/compilation.ts';

const away: Condition = { type: 'ResolvedRefs', status: 'False', reason: 'BackendUnreachable', message: '' };
const programmed = (status: 'True' | 'False'): Condition => ({
  type: 'Programmed',
  status,
  reason: status === 'True' ? 'Programmed' : 'NotShipped',
  message: '',
});

test('what is served with less than it names is told apart from what is not served', () => {
  const conditions = new Map([
    ['AIModel/ai/half', [away]],
    ['AIModel/ai/gone', [away]],
    ['AIModel/ai/whole', []],
  ]);
  const words = new Map([
    ['AIModel/ai/half', programmed('True')],
    ['AIModel/ai/gone', programmed('False')],
    ['AIModel/ai/whole', programmed('True')],
  ]);
  expect(impairedOf({ conditions }, words)).toEqual([{ resource: 'AIModel/ai/half', because: [away] }]);
  expect(missingOf({ conditions }, words)).toEqual([{ resource: 'AIModel/ai/gone', because: [away] }]);
});
