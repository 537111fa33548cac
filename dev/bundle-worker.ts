import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ENTRY_POINT = fileURLToPath(new URL('../worker/index.ts', import.meta.url));

/**
 * The worker as one module, made the way `wrangler deploy` makes it (same bundler, same conditions, Node's modules left
 * to the runtime), without wrangler's start-up time.
 *
 * @throws {Error} with esbuild's account of what does not compile
 */
export async function bundleWorker(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [ENTRY_POINT],
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
  });
  const [bundle] = outputFiles;
  if (bundle === undefined) throw new Error('esbuild gave no output for worker/index.ts');
  return bundle.text;
}
