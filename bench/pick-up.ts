import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { sha256Hex } from '../contract/encoding.ts';
import { IsolateDouble } from './isolate-double.ts';
import { largeChanges } from './large-changes.ts';
import { clusterName, largeEdge, largeKey } from './large-edge.ts';
import { Revisions, type Revision } from './large-revision.ts';
import { median, percentile } from './statistics.ts';
import { workerSecrets } from '../cli/edge-keys.ts';

const ORIGIN = 'https://ai.example.com';

const pickUpFigures = z.object({
  cold: z.object({ roundTrips: z.number(), calls: z.number(), bytes: z.number(), cpuMs: z.number() }),
  changes: z.array(
    z.object({
      change: z.string(),
      roundTrips: z.number(),
      bytes: z.number(),
      cpuP50Ms: z.number(),
      cpuP99Ms: z.number(),
    }),
  ),
});
export type PickUpFigures = z.infer<typeof pickUpFigures>;

/** The worker's pick-up code in Node, in a process of its own, on 10,000 resources. @param changes of each kind */
export async function benchPickUp(changes: number): Promise<PickUpFigures> {
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(import.meta.url), String(changes)]);
  return pickUpFigures.parse(JSON.parse(stdout));
}

async function measure(count: number): Promise<PickUpFigures> {
  const large = await largeEdge();
  const revisions = await Revisions.of(large, ORIGIN);
  const variables = { FAIRLEAD_LOCAL: 'true', ...tableVariables(large.keys) };
  const first = await revisions.first();
  const digest = await sha256Hex(largeKey);
  const cold: Awaited<ReturnType<typeof coldStart>>[] = [];
  // The first goes through code that is not compiled yet, as a real isolate's does.
  for (let run = 0; run < 5; run += 1) cold.push(await coldStart(variables, first, digest));
  const isolate = await IsolateDouble.start(variables, first);
  await isolate.pickup.table(() => Promise.resolve(digest));
  await isolate.settled();
  const changes = [];
  for (const { name, resource } of largeChanges) {
    const times: number[] = [];
    let roundTrips = 0;
    let bytes = 0;
    for (let i = 0; i < count; i += 1) {
      isolate.publish(await revisions.next([resource(i)]));
      isolate.take();
      times.push(await cpuMs(() => isolate.pickup.refresh()));
      const use = isolate.take();
      roundTrips = Math.max(roundTrips, use.roundTrips);
      bytes = Math.max(bytes, use.bytes);
      await isolate.settled();
    }
    changes.push({ change: name, roundTrips, bytes, cpuP50Ms: median(times), cpuP99Ms: percentile(times, 99) });
  }
  const [firstCold] = cold;
  if (!firstCold) throw new Error('no isolate was started');
  return { cold: firstCold, changes };
}

async function coldStart(
  variables: Parameters<typeof IsolateDouble.start>[0],
  published: Revision,
  digest: string,
): Promise<PickUpFigures['cold']> {
  const isolate = await IsolateDouble.start(variables, published);
  const time = await cpuMs(async () => {
    const table = await isolate.pickup.table(() => Promise.resolve(digest));
    const claims = table.claimsOn('model-1');
    if (claims.length === 0) throw new Error('the table does not lead to the model');
  });
  const { roundTrips, calls, bytes } = isolate.take();
  await isolate.settled();
  return { roundTrips, calls, bytes, cpuMs: time };
}

/** CPU of all threads of this process, which does nothing else meanwhile. */
async function cpuMs(work: () => Promise<unknown>): Promise<number> {
  const start = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

function tableVariables(keys: Parameters<typeof workerSecrets>[0]) {
  const { FAIRLEAD_ENDPOINT = '', FAIRLEAD_CLUSTERS = '' } = workerSecrets(keys, clusterName, ORIGIN);
  return { FAIRLEAD_ENDPOINT, FAIRLEAD_CLUSTERS };
}

if (import.meta.main) console.log(JSON.stringify(await measure(Number(process.argv[2]))));
