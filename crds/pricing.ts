import { z } from 'zod';
import { text } from './text.ts';

/** Money is a decimal string, as a float would lose what it is compared and summed by. */
const usd = text(
  19,
  /^(0|[1-9][0-9]{0,8})(\.[0-9]{1,9})?$/,
  'must be an amount of US dollars as a decimal in quotes, such as "2.50"',
);

export const pricing = z.strictObject({
  inputPerMillionTokens: usd.describe('Price of a million input tokens.'),
  outputPerMillionTokens: usd.describe('Price of a million output tokens. "0" for models that write none.'),
  cachedInputPerMillionTokens: usd
    .describe("Price of a million input tokens that the provider read from its cache. Absent: the input's price.")
    .optional(),
});
