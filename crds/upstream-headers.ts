import { z } from 'zod';
import { mapOf } from './lists.ts';
import { secretKeyReference } from './references.ts';
import { rule } from './rule.ts';
import { headerName, headerValue } from './text.ts';
import { unionOf } from './union.ts';

/** Headers that belong to the connection, to the gateway, or to a field of their own. */
const reservedHeaders = [
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

export const settableHeaderName = headerName.check(
  rule({
    holds: (name) => !reservedHeaders.includes(name),
    cel: `!(self in [${reservedHeaders.map((name) => `'${name}'`).join(', ')}])`,
    sentence: 'must not be a header that belongs to the connection or the body; for host use hostHeader',
  }),
);

const header = unionOf(
  z.strictObject({
    name: settableHeaderName.describe('Name of the header, in lower case.'),
    type: z
      .enum(['Value', 'SecretKeyRef'])
      .describe(
        'Value: the value stands here. SecretKeyRef: it stands in a Secret, which must release it as for an API key.',
      ),
    value: headerValue.describe('The value, for type Value. It is readable in the routing table.').optional(),
    secretKeyRef: secretKeyReference('the value').describe('The Secret, for type SecretKeyRef.').optional(),
  }),
  { Value: 'value', SecretKeyRef: 'secretKeyRef' },
);

/** Headers of calls to an upstream, in place of the client's. */
export function upstreamHeaders(max: number) {
  return mapOf(header, ['name'], { max });
}
