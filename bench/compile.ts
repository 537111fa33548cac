import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { createCompiler, type Compiler } from '../sync-agent/compile/compile.ts';
import type { Resource } from '../sync-agent/snapshot.ts';
import { EDGE, backend, model, provider, route } from '../test/support/resource-builders.ts';
import { largeConsumer, largeSnapshot } from '../test/support/large-snapshot.ts';

const CHANGES = 300;

/**
 * Compiles 10,000 resources from scratch, then one change of each kind after another, in a process of its own so that
 * its memory can be told. Milliseconds of wall time, megabytes.
 */
export async function benchCompile(): Promise<Record<string, number>> {
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(import.meta.url)]);
  return z.record(z.string(), z.number()).parse(JSON.parse(stdout));
}

function measure(): Record<string, number> {
  const resources = largeSnapshot();
  const compiler = createCompiler(EDGE);
  const compileMs = timed(() => change(compiler, ...resources));
  return {
    resources: resources.length,
    compileFirstMs: compileMs,
    ...changesOf(compiler, 'consumer', (i) => largeConsumer(i * 7, `team-${i}`)),
    ...changesOf(compiler, 'model', (i) =>
      model({ modelName: `model-${i}`, backends: [backend('provider-1')] }, { name: 'model-1', namespace: 'team-3' }),
    ),
    ...changesOf(compiler, 'route', (i) =>
      route({ pathPrefix: `/app-${i}`, models: [{ name: 'model-1' }] }, { name: 'route-1', namespace: 'team-3' }),
    ),
    ...changesOf(compiler, 'provider', (i) =>
      provider({ baseURL: `https://llm-${i}.example.com/v1` }, { name: 'provider-1', namespace: 'team-3' }),
    ),
    residentMegabytes: process.memoryUsage().rss / 2 ** 20,
  };
}

function change(compiler: Compiler, ...resources: readonly Resource[]): void {
  compiler.apply(resources.map((resource) => ({ type: 'Set', resource })));
  compiler.compile();
}

function changesOf(compiler: Compiler, kind: string, changed: (i: number) => Resource): Record<string, number> {
  const times = Array.from({ length: CHANGES }, (_, i) => {
    const resource = changed(i);
    return timed(() => change(compiler, resource));
  }).sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(share * (times.length - 1))] ?? 0;
  return { [`${kind}ChangeP50Ms`]: at(0.5), [`${kind}ChangeP99Ms`]: at(0.99) };
}

function timed(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

if (import.meta.main) console.log(JSON.stringify(measure()));
