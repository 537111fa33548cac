import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

export interface BundleOptions {
  /** Path of the entry from the project's folder; absent: `worker/index.ts`. */
  readonly entry?: string;
  /** What modules say instead of what their files say, by path from the project's folder: for workers of other releases. */
  readonly replace?: Readonly<Record<string, (source: string) => string>>;
}

const PROJECT = new URL('..', import.meta.url);

/**
 * The worker as one module, made the way `wrangler deploy` makes it (same bundler, same conditions, Node's modules left
 * to the runtime), without wrangler's start-up time.
 *
 * @throws {Error} with esbuild's account of what does not compile, or naming a module to replace that is not in it
 */
export async function bundleWorker({ entry = 'worker/index.ts', replace = {} }: BundleOptions = {}): Promise<string> {
  const replacing = replaceModules(replace);
  const { outputFiles } = await build({
    entryPoints: [pathOf(entry)],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    mainFields: ['module', 'main'],
    external: ['node:*', 'cloudflare:*'],
    keepNames: true,
    logLevel: 'silent',
    plugins: [replacing.plugin],
  });
  const [bundle] = outputFiles;
  if (bundle === undefined) throw new Error(`esbuild gave no output for ${entry}`);
  replacing.assertDone();
  return bundle.text;
}

/** Part of a bundle that has some modules otherwise than their files. */
export function replaceModules(replace: NonNullable<BundleOptions['replace']>) {
  const edits = new Map(Object.entries(replace).map(([file, edit]) => [pathOf(file), edit]));
  const left = new Set(edits.keys());
  const plugin: Plugin = {
    name: 'replace-modules',
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const edit = edits.get(path);
        if (!edit) return undefined;
        left.delete(path);
        const source = await readFile(path, 'utf8');
        const contents = edit(source);
        if (contents === source) throw new Error(`${path} was to be replaced, and stayed as it is`);
        return { contents, loader: 'ts' };
      });
    },
  };
  const assertDone = (): void => {
    if (left.size > 0) throw new Error(`${[...left].join(', ')} was to be replaced, and is not part of the bundle`);
  };
  return { plugin, assertDone };
}

function pathOf(file: string): string {
  return fileURLToPath(new URL(file, PROJECT));
}
