import { z } from 'zod';
import { unionOf } from './union.ts';
import { bindingName } from './worker-names.ts';

/** @param allowed who lets the binding be used, as the end of its description */
export function transport(allowed: string) {
  return unionOf(
    z.strictObject({
      type: z
        .enum(['Internet', 'Binding'])
        .describe(
          'Internet: by a public address. Binding: through a binding of the worker, such as Workers VPC or an mTLS certificate.',
        ),
      binding: bindingName.describe(`The binding, for type Binding. ${allowed}`).optional(),
    }),
    { Internet: null, Binding: 'binding' },
  );
}
