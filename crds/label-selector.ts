import { z } from 'zod';
import { stringMap } from './lists.ts';
import { rule } from './rule.ts';

const mostLabels = 8;

/** Labels that a thing must have, all of them: `matchLabels` as in every selector of Kubernetes. */
export function labelSelector(what: string) {
  return z.strictObject({
    matchLabels: stringMap({ maxEntries: mostLabels, maxKey: 317, maxValue: 63 })
      .check(
        rule({
          holds: (labels) => Object.keys(labels).length > 0,
          cel: 'size(self) > 0',
          sentence: 'must name at least one label',
        }),
      )
      .describe(`The labels that ${what} must have, all of them.`),
  });
}
