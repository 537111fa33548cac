import { z } from 'zod';

/** Names of models by the arguments of what serves them. */
export interface ServedNames {
  /** What the arguments name: `--model_name`, `--served-model-name`. */
  readonly named: readonly string[];
  /** What the model is called where they name it not: that which `vllm serve` or `--model` loads, unless it is a path. */
  readonly loaded: string | undefined;
  readonly adapters: readonly string[];
}

/** KServe's own server takes one, vLLM and SGLang several, of which each is a name of the one model. */
const NAMING = new Set(['--model_name', '--model-name', '--served-model-name', '--served_model_name']);
const LOADING = new Set(['--model', '--model-id', '--model_id', '--model-path']);
/** `name=path`, or of vLLM JSON that says `name`. SGLang's is `--lora-paths`. */
const ADAPTING = new Set(['--lora-modules', '--lora_modules', '--lora-paths']);

const loraModule = z.object({ name: z.string() });

/** @param words command and arguments of a container, each as written; a line for a shell is taken apart */
export function servedNames(words: readonly string[]): ServedNames {
  const named: string[] = [];
  const adapters: string[] = [];
  let loaded: string | undefined;
  for (const { option, values } of optionsOf(words.flatMap(shellWords))) {
    if (NAMING.has(option)) named.push(...values);
    else if (ADAPTING.has(option)) adapters.push(...values.flatMap(adapterName));
    else if (LOADING.has(option)) loaded ??= values[0];
    else if (option === 'serve') loaded ??= values[0];
  }
  return { named, loaded: loaded?.startsWith('/') ? undefined : loaded, adapters };
}

interface Option {
  /** With its hyphens; `serve` for the subcommand of vLLM. */
  readonly option: string;
  readonly values: readonly string[];
}

function optionsOf(words: readonly string[]): readonly Option[] {
  const options: { option: string; values: string[] }[] = [];
  for (const word of words) {
    if (word.startsWith('--')) {
      const [, option = word, value] = /^(--[^=]+)=(.*)$/s.exec(word) ?? [];
      options.push({ option, values: value === undefined ? [] : [value] });
    } else if (word === 'serve') options.push({ option: word, values: [] });
    else if (/^-[a-z]/i.test(word)) options.push({ option: word, values: [] });
    else options.at(-1)?.values.push(word);
  }
  return options;
}

/** A word with blanks in it, but for JSON, is a line for a shell: `bash -c "vllm serve ..."`. */
function shellWords(word: string): readonly string[] {
  if (!/\s/.test(word) || /^(--[^=\s]+=)?\s*[[{]/.test(word)) return [word];
  const words = word.match(/(?:[^\s"'\\]|\\[\s\S]|"(?:[^"\\]|\\[\s\S])*"|'[^']*')+/g) ?? [];
  return words.map((word) => word.replaceAll(/["']|\\\n?/g, ''));
}

function adapterName(value: string): readonly string[] {
  if (!value.startsWith('{')) {
    const [name = ''] = value.split('=');
    return name === '' ? [] : [name];
  }
  try {
    const { data } = loraModule.safeParse(JSON.parse(value));
    return data ? [data.name] : [];
  } catch {
    return [];
  }
}

const MOST_NAMES = 100;

/**
 * Those that can be names of models, each once: printable ASCII without blanks, of 256 characters at most. A name that
 * is filled in elsewhere, as `$(MODEL)`, is none.
 */
export function modelNames(names: readonly string[]): readonly string[] {
  return [...new Set(names)]
    .filter((name) => /^[!-~]{1,256}$/.test(name) && !/\$[({A-Z]/.test(name))
    .slice(0, MOST_NAMES);
}
