import { expect, test } from 'vitest';
import { durationMilliseconds } from '../../crds/duration.ts';
import { defaultTimeouts } from '../../crds/timeouts.ts';
import { DEFAULT_TIMEOUTS } from '../../worker/pipeline/plan-request.ts';

test('the timeouts that the docs promise where nobody names any are those of the worker', () => {
  const promised = Object.entries(defaultTimeouts).map(([phase, text]) => [phase, durationMilliseconds(text)]);
  expect(Object.fromEntries(promised)).toEqual(DEFAULT_TIMEOUTS);
});
