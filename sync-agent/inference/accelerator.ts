import { z } from 'zod';
import type { Accelerator } from './inference-service.ts';
import { listOf, part } from './tolerant.ts';

/** As resources are called in a container; those that KServe knows, and the plugins' that it lets pass by annotation. */
const NAMES = ['nvidia.com/gpu', 'amd.com/gpu', 'intel.com/gpu', 'habana.ai/gaudi', 'google.com/tpu'];
const PREFIXES = ['nvidia.com/mig-', 'nvidia.com/gpu.', 'gpu.intel.com/', 'aws.amazon.com/neuron'];

/** The names of resources that the API server lets through; a status holds no longer ones. */
const RESOURCE = /^[a-z0-9.-]{1,64}\/[\w.-]{1,63}$/i;

const quantities = z.record(z.string(), z.unknown()).optional().catch(undefined);
export const resources = part({ limits: quantities, requests: quantities });
export const containers = listOf(z.object({ resources }), 100);
type Resources = z.output<typeof resources>;

/** What the containers of one pod ask for together, of the kind that the first of them asks for. */
export function acceleratorOf(
  containers: readonly { readonly resources?: Resources }[],
  others: readonly string[] = [],
): Accelerator | undefined {
  let found: Accelerator | undefined;
  for (const { resources } of containers) {
    // A device must be limited; where requests are given too, they are equal.
    const asked = deviceOf(resources?.limits, others) ?? deviceOf(resources?.requests, others);
    if (!asked) continue;
    if (!found) found = asked;
    else if (found.kind === asked.kind) found = { kind: found.kind, count: found.count + asked.count };
  }
  return found;
}

function deviceOf(
  quantities: Readonly<Record<string, unknown>> | undefined,
  others: readonly string[],
): Accelerator | undefined {
  for (const kind of Object.keys(quantities ?? {}).toSorted()) {
    if (!RESOURCE.test(kind) || (!isAccelerator(kind) && !others.includes(kind))) continue;
    const count = wholeNumber(quantities?.[kind]);
    if (count !== undefined && count > 0) return { kind, count };
  }
  return undefined;
}

function isAccelerator(name: string): boolean {
  return NAMES.includes(name) || PREFIXES.some((prefix) => name.startsWith(prefix));
}

/** Devices come whole; YAML gives 1, "1" and, of careful people, "1.0" or "1k". */
function wholeNumber(quantity: unknown): number | undefined {
  const number = typeof quantity === 'string' ? Number(quantity.replace(/k$/, 'e3')) : quantity;
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined;
}
