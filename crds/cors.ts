import { z } from 'zod';
import { duration } from './duration.ts';
import { setOf } from './lists.ts';
import { rule } from './rule.ts';
import { browserOrigin, headerName } from './text.ts';

export const cors = z
  .strictObject({
    allowOrigins: setOf(browserOrigin, { min: 1, max: 64 }).describe(
      'The origins whose pages may call: exact, `https://*.example.com` for all hosts below one, or `*` for all.',
    ),
    allowHeaders: setOf(headerName, { min: 1, max: 64 })
      .describe('The request headers that pages may set. Absent: those that the browser asks for.')
      .optional(),
    exposeHeaders: setOf(headerName, { max: 64 })
      .default([])
      .describe('The response headers that pages may read beyond those that every page may.'),
    allowCredentials: z
      .boolean()
      .default(false)
      .describe('Whether the browser may send cookies and client certificates. Keys in headers do not need it.'),
    maxAge: duration.default('10m').describe('How long the browser may remember the answer to its preflight.'),
  })
  .check(
    rule({
      holds: (given) => !given.allowCredentials || !given.allowOrigins.includes('*'),
      cel: "!self.allowCredentials || !('*' in self.allowOrigins)",
      sentence: 'must be false where allowOrigins holds *: browsers refuse credentials for all origins',
      at: 'allowCredentials',
    }),
  );
