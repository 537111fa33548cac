// As an agent runs.
import '../sync-agent/spare-memory.ts';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { createCompiler, type Compiler } from '../sync-agent/compile/compile.ts';
import type { Resource } from '../sync-agent/snapshot.ts';
import { EDGE, backend, edgeGateway, model, provider, route } from '../test/support/resource-builders.ts';
import { LARGE_TEAMS, largeConsumer, largeSnapshot } from '../test/support/large-snapshot.ts';
import { inferenceService, sightingsOf } from '../test/support/service-builders.ts';
import { median, percentile } from './statistics.ts';

const CHANGES = 300;
/** Inference services beside the 10,000 resources, each behind a model of its own. */
const SERVICES = 200;
/** Of what concerns thousands of resources. */
const WIDE_CHANGES = 20;

const compileFigures = z.object({
  resources: z.number(),
  firstMs: z.number(),
  changes: z.array(z.object({ change: z.string(), p50Ms: z.number(), p99Ms: z.number(), mostMs: z.number() })),
});
export type CompileFigures = z.infer<typeof compileFigures>;
type ChangeTimes = CompileFigures['changes'][number];

/**
 * Compiles 10,000 resources from scratch, then one change of each kind after another, in a process of its own: what was
 * compiled before would make it faster. Milliseconds of wall time.
 */
export async function benchCompile(): Promise<CompileFigures> {
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(import.meta.url)]);
  return compileFigures.parse(JSON.parse(stdout));
}

type Gateway = NonNullable<Parameters<typeof edgeGateway>[0]>;
type Allowed = NonNullable<Gateway['allowed']>[number];

function measure(): CompileFigures {
  const resources = largeSnapshot();
  const compiler = createCompiler(EDGE);
  const firstMs = timed(() => change(compiler, ...resources));
  const inTeam = (name: string) => ({ name, namespace: 'team-3' });
  const changes = (name: string, changed: (i: number) => Resource, count = CHANGES): ChangeTimes =>
    timesOf(
      name,
      Array.from({ length: count }, (_, i) => {
        const resource = changed(i);
        return timed(() => change(compiler, resource));
      }),
    );
  /** There and back, so that each time something changes. */
  const allowed = (name: string, one: Partial<Allowed>) =>
    changes(`allowed: ${name}`, (i) => allowing(i % 2 === 0 ? one : {}), WIDE_CHANGES);
  return {
    resources: resources.length,
    firstMs,
    changes: [
      changes('consumer', (i) => largeConsumer(i * 7, `team-${i}`)),
      changes('key revoked, key added', (i) => withoutKey(largeConsumer(Math.floor(i / 2) * 11), i % 2 === 0)),
      changes('model', (i) => model({ modelName: `model-${i}`, backends: [backend('provider-1')] }, inTeam('model-1'))),
      changes('route', (i) => route({ pathPrefix: `/app-${i}`, models: [{ name: 'model-1' }] }, inTeam('route-1'))),
      changes('provider', (i) => provider({ baseURL: `https://llm-${i}.example.com/v1` }, inTeam('provider-1'))),
      allowed('what routes may claim', { hostnames: ['*.ai.example.com'] }),
      allowed('one namespace of fifty goes, comes', namespaces(LARGE_TEAMS - 1)),
      allowed('half of all namespaces go, come', namespaces(LARGE_TEAMS / 2)),
      ...serviceChanges(compiler, changes),
    ],
  };
}

type Changes = (name: string, changed: (i: number) => Resource) => ChangeTimes;

/** The edge has seen all of them; now one goes and comes, and has more replicas and fewer. */
function serviceChanges(compiler: Compiler, changes: Changes): ChangeTimes[] {
  const names = Array.from({ length: SERVICES }, (_, i) => `service-${i}`);
  change(
    compiler,
    ...names.flatMap((name) => [
      inferenceService({}, { name, namespace: 'gpus' }),
      model(
        { modelName: name, backends: [{ name, type: 'InferenceService', inferenceServiceRef: { name } }] },
        { name, namespace: 'gpus' },
      ),
    ]),
    route({ models: names.map((name) => ({ name })) }, { name: 'gpus', namespace: 'gpus' }),
  );
  change(compiler, ...sightingsOf(compiler.compile()));
  const meta = (i: number) => ({ name: `service-${Math.floor(i / 2) % SERVICES}`, namespace: 'gpus' });
  return [
    changes('inference service not ready, ready', (i) =>
      inferenceService({ phase: i % 2 === 0 ? 'Unavailable' : 'Ready' }, meta(i)),
    ),
    changes('replicas of an inference service', (i) =>
      inferenceService({ replicas: { ready: i % 2, desired: 2 } }, meta(i)),
    ),
  ];
}

function allowing(one: Partial<Allowed>): Resource {
  return edgeGateway({ allowed: [{ name: 'it', namespaces: { type: 'All' }, ...one }] });
}

function namespaces(count: number): Partial<Allowed> {
  const names = Array.from({ length: count }, (_, i) => `team-${i}`);
  return { namespaces: { type: 'Names', names } };
}

function withoutKey(resource: Resource, isRevoked: boolean): Resource {
  if (resource.kind !== 'Consumer' || !isRevoked) return resource;
  return { ...resource, spec: { ...resource.spec, keys: [] } };
}

function change(compiler: Compiler, ...resources: readonly Resource[]): void {
  compiler.apply(resources.map((resource) => ({ type: 'Set', resource })));
  compiler.compile();
}

function timesOf(name: string, times: readonly number[]): ChangeTimes {
  return { change: name, p50Ms: median(times), p99Ms: percentile(times, 99), mostMs: Math.max(...times) };
}

function timed(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

if (import.meta.main) console.log(JSON.stringify(measure()));
