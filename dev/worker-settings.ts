import { readFile } from 'node:fs/promises';

/** What the local edge takes from wrangler.toml, so that it runs the worker as the deployed one runs. */
export interface WorkerSettings {
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
}

const WRANGLER_TOML = new URL('../wrangler.toml', import.meta.url);

export async function readWorkerSettings(): Promise<WorkerSettings> {
  return parseWorkerSettings(await readFile(WRANGLER_TOML, 'utf8'));
}

/**
 * Two top-level keys are all that is needed: no TOML parser for that.
 *
 * @throws {Error} where one of them is missing
 */
export function parseWorkerSettings(toml: string): WorkerSettings {
  const [topLevel = ''] = toml.replaceAll(/#.*$/gm, '').split(/^\s*\[/m);
  const date = /^compatibility_date\s*=\s*"([^"]+)"/m.exec(topLevel)?.[1];
  const flags = /^compatibility_flags\s*=\s*\[([^\]]*)\]/m.exec(topLevel)?.[1];
  if (date === undefined) throw new Error('wrangler.toml has no compatibility_date');
  if (flags === undefined) throw new Error('wrangler.toml has no compatibility_flags');
  return {
    compatibilityDate: date,
    compatibilityFlags: [...flags.matchAll(/"([^"]+)"/g)].flatMap(([, flag]) => flag ?? []),
  };
}
