import { spawnSync } from 'node:child_process';

/**
 * Regenerates what is checked in but made from something else: CRD manifests and their docs from the schemas, their
 * copies and the values of the charts, the types of the worker's bindings from wrangler.toml. With --check it writes
 * nothing and fails where a file is stale.
 */
const check = process.argv.includes('--check') ? ['--check'] : [];
const generators: string[][] = [
  ['crds/generate.ts', ...check],
  // After the manifests, which it copies.
  ['deploy/generate.ts', ...check],
  [
    '--env-file=dev/quiet.env',
    'node_modules/wrangler/bin/wrangler.js',
    'types',
    '--include-runtime=false',
    ...check,
    'worker/bindings.d.ts',
  ],
  // Wrangler has a style of its own.
  ...(check.length === 0 ? [['node_modules/oxfmt/bin/oxfmt', 'worker/bindings.d.ts']] : []),
];

for (const generator of generators) {
  const { status, stdout, stderr } = spawnSync(process.execPath, generator, { encoding: 'utf8' });
  if (status !== 0) {
    process.stderr.write(`${stdout}${stderr}\nRun \`npm run generate\` and commit what it changes.\n`);
    process.exit(status ?? 1);
  }
}
