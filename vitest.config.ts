import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';
import { TWO_CLUSTER_VARIABLES } from './test/worker/table/test-keys.ts';

process.env['CLOUDFLARE_CF_FETCH_ENABLED'] = 'false';
process.env['WRANGLER_SEND_METRICS'] = 'false';
// The secrets that wrangler.toml requires come from TWO_CLUSTER_VARIABLES, of which wrangler knows nothing.
process.env['WRANGLER_LOG'] = 'error';
// Agents and commands that tests start as processes begin in half the time: each would compile the same modules anew.
process.env['NODE_COMPILE_CACHE'] ??= new URL('./node_modules/.cache/node', import.meta.url).pathname;

const endToEnd = { testTimeout: 60_000, hookTimeout: 60_000, fileParallelism: false };

export default defineConfig({
  test: {
    maxWorkers: 2,
    reporters: ['default', './test/support/closing-line-reporter.ts'],
    projects: [
      {
        test: {
          name: 'node',
          include: ['test/{contract,crds,sync-agent,cli,dev,deploy,recordings,model,support}/**/*.test.ts'],
          testTimeout: 20_000,
          isolate: false,
        },
      },
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: './wrangler.toml' },
            miniflare: { bindings: TWO_CLUSTER_VARIABLES },
          }),
        ],
        // No file leaves anything behind in module memory, and a runtime for each would take most of the time.
        test: { name: 'workerd', include: ['test/worker/**/*.test.ts'], testTimeout: 20_000, isolate: false },
      },
      {
        test: { ...endToEnd, fileParallelism: true, name: 'e2e', include: ['test/e2e/*.test.ts'] },
      },
      {
        test: { ...endToEnd, fileParallelism: true, name: 'cluster', include: ['test/cluster/*.test.ts'] },
      },
      {
        test: { ...endToEnd, fileParallelism: true, name: 'charts', include: ['test/charts/*.test.ts'] },
      },
      {
        test: { ...endToEnd, name: 'disasters', include: ['test/e2e/disasters/*.test.ts'] },
      },
    ],
  },
});
