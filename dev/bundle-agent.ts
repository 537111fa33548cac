import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { replaceModules, type BundleOptions } from './bundle-worker.ts';

const AGENT = new URL('../sync-agent/', import.meta.url);

/** Some dependencies are CommonJS and ask for Node's own modules. */
const REQUIRE = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

/** Says the order that sync-agent/main.ts means: in a bundle, parts that are shared come before what imports them. */
const START = "import './spare-memory.mjs';\nimport './agent.mjs';\n";

/**
 * Builds the agent into `folder`, as ES modules with their source maps that Node runs without any package beside them.
 * What is imported only when it is needed stays apart, and is not loaded before.
 *
 * @param replace what modules say instead of what their files say, by path: for agents of other releases
 * @returns the path of the module to run
 */
export async function bundleAgent(
  folder: string,
  { replace = {} }: Pick<BundleOptions, 'replace'> = {},
): Promise<string> {
  const replacing = replaceModules(replace);
  await build({
    entryPoints: { agent: pathOf('main.ts'), 'spare-memory': pathOf('spare-memory.ts') },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'linked',
    logLevel: 'silent',
    banner: { js: REQUIRE },
    plugins: [replacing.plugin],
  });
  replacing.assertDone();
  const start = join(folder, 'main.mjs');
  await writeFile(start, START);
  return start;
}

function pathOf(file: string): string {
  return fileURLToPath(new URL(file, AGENT));
}
