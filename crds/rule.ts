import { z } from 'zod';

/**
 * What the API server is told about a check that zod carries out here: either a CEL rule, or keywords of the structural
 * schema. The lowering refuses a check that has no twin, so neither half can exist without the other.
 */
export type Twin =
  | { form: 'cel'; rule: string; message: string; fieldPath?: string }
  | { form: 'keywords'; keywords: Readonly<Record<string, unknown>> };

const twins = new WeakMap<object, Twin>();

export function twinOf(check: object): Twin | undefined {
  return twins.get(check);
}

export interface Rule<T> {
  /** Decides as `cel` does. Gets the value with its defaults, and may get one that breaks other rules. */
  holds: (value: T) => boolean;
  cel: string;
  /** What the user reads, from zod and from the API server alike. */
  sentence: string;
  /** The field of the object that the sentence is about, where it is not the object itself. */
  at?: string;
}

/** A check in zod and the same check in CEL. Give it to `.check()`. */
export function rule<T>(given: Rule<T>): z.core.$ZodCheck<T> {
  const path = given.at === undefined ? [] : [given.at];
  const check = z.refine<T>(given.holds, { error: given.sentence, path });
  const fieldPath = given.at === undefined ? {} : { fieldPath: `.${given.at}` };
  twins.set(check, { form: 'cel', rule: given.cel, message: given.sentence, ...fieldPath });
  return check;
}

/** A rule about a change, which compares `self` with `oldSelf`. A folder of files has no past, so zod lets it pass. */
export function transitionRule<T>(given: { cel: string; sentence: string }): z.core.$ZodCheck<T> {
  const check = z.refine<T>(() => true);
  twins.set(check, { form: 'cel', rule: given.cel, message: given.sentence });
  return check;
}

/** A check in zod that the structural schema states by keywords of its own. */
export function keywordCheck<T>(
  keywords: Readonly<Record<string, unknown>>,
  check: z.core.CheckFn<T>,
): z.core.$ZodCheck<T> {
  const made = z.check<T>(check);
  twins.set(made, { form: 'keywords', keywords });
  return made;
}

/**
 * A string rule by regular expression. It becomes a CEL rule and no `pattern`, because the API server would answer a
 * broken `pattern` with the expression instead of the sentence.
 */
export function matches(pattern: RegExp, sentence: string): z.core.$ZodCheck<string> {
  // JavaScript writes slashes escaped, because they end its literals.
  const source = pattern.source.replaceAll('\\/', '/');
  assertRe2(source);
  return rule<string>({
    holds: (value) => pattern.test(value),
    cel: `self.matches(${celString(source)})`,
    sentence,
  });
}

export function celString(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** Throws on what JavaScript's regular expressions have and RE2, which the API server uses, has not. */
export function assertRe2(source: string): void {
  const foreign = /\(\?(?!:)|\\[1-9kupPxc]|\\s|\\S/u.exec(source);
  if (foreign !== null) {
    throw new Error(`the pattern ${source} holds ${foreign[0]}, which RE2 lacks or reads differently`);
  }
}
