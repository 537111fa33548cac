import { isIP } from 'node:net';
import type { InferenceEndpoint } from '../source/source.ts';
import { podsBehind } from './count-replicas.ts';
import type { EndpointSliceFacts, SlicePort } from './endpoint-slice.ts';
import { readService } from './normalize-service.ts';

/** A scrape of more pods than these costs more than it tells: the rest are taken to be like them. */
const MOST_ENDPOINTS = 32;

/** Slices are searched for these in order; of what is left, the first is taken. */
const PORT_NAMES = ['http', 'https', 'http1', 'metrics'];

/**
 * Where the pods of an inference service answer, 32 at most, the ready ones first; the same for the same slices in any
 * order.
 *
 * @param raw the object, of one of the three kinds
 * @param slices those of its Services (`serviceNamesOf`); others are left aside
 */
export function endpointsOf(raw: unknown, slices: readonly EndpointSliceFacts[]): readonly InferenceEndpoint[] {
  const reading = readService(raw);
  if (!reading || reading.statement.stopped !== undefined) return [];
  return (podsBehind(reading, slices) ?? [])
    .slice(0, MOST_ENDPOINTS)
    .flatMap(({ address, ready, targetName, slice }) => {
      const port = portOf(slice.ports);
      const number = reading.metricsPort ?? port?.port;
      // A slice may hold host names, and anybody may make a slice: only pods are asked, which have addresses.
      if (number === undefined || isIP(address) === 0) return [];
      return {
        address,
        port: number,
        ready,
        ...(targetName !== undefined && { pod: targetName }),
        ...(port?.name === 'https' && number === port.port && { tls: true }),
      };
    });
}

function portOf(ports: readonly SlicePort[]): SlicePort | undefined {
  for (const name of PORT_NAMES) {
    const port = ports.find((port) => port.name === name);
    if (port) return port;
  }
  return ports.find(({ name }) => !/grpc|h2c/i.test(name));
}
