import { rule } from './rule.ts';
import { text } from './text.ts';

/**
 * The name of a secret or binding of the worker. The worker's own stand under FAIRLEAD_, its private keys among them,
 * so no resource may name one.
 */
const workerOwned = 'FAIRLEAD_';

function notWorkerOwned(what: string) {
  return rule<string>({
    holds: (name) => !name.startsWith(workerOwned),
    cel: `!self.startsWith('${workerOwned}')`,
    sentence: `must not begin with ${workerOwned}: ${what} of that name are the worker's own`,
  });
}

const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;

export const workerSecretName = text(
  64,
  identifier,
  'must be the name of a worker secret: letters, digits and underscores, not beginning with a digit',
).check(notWorkerOwned('secrets'));

export const bindingName = text(
  64,
  identifier,
  'must be the name of a binding: letters, digits and underscores, not beginning with a digit',
).check(notWorkerOwned('bindings'));
