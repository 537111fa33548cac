import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { replaceModules, type BundleOptions } from '../../dev/bundle-worker.ts';

const MAIN = fileURLToPath(new URL('../../sync-agent/main.ts', import.meta.url));

/** Builds an agent of another release into `file`, an ES module that Node runs. */
export async function bundleAgent(file: string, replace: NonNullable<BundleOptions['replace']>): Promise<void> {
  const replacing = replaceModules(replace);
  await build({
    entryPoints: [MAIN],
    outfile: file,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'es2024',
    logLevel: 'silent',
    // For dependencies that are CommonJS and ask for Node's own modules.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    plugins: [replacing.plugin],
  });
  replacing.assertDone();
}
