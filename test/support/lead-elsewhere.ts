import { Socket } from 'node:net';
import { z } from 'zod';

/**
 * Loaded into an agent before anything else: an EndpointSlice may hold no address of this machine, so calls of `host:port`
 * arrive at the local port that the variable names, as calls of a pod would at the pod.
 */

/** Ports of 127.0.0.1 by `host:port`, as JSON. */
const PLACES = z.record(z.string(), z.int()).parse(JSON.parse(process.env['FAIRLEAD_TEST_PLACES'] ?? '{}'));

interface Destination {
  host: unknown;
  port: unknown;
}

function isDestination(value: unknown): value is Destination {
  return typeof value === 'object' && value !== null && 'host' in value && 'port' in value;
}

// oxlint-disable-next-line typescript/unbound-method -- it is bound where it is called
const { connect } = Socket.prototype;
Socket.prototype.connect = function lead(this: Socket, ...args: unknown[]): Socket {
  // `net.connect` hands over its arguments as a list that it has put in order.
  const [destination] = args.flat();
  if (isDestination(destination)) {
    const port = PLACES[`${String(destination.host)}:${String(destination.port)}`];
    if (port !== undefined) Object.assign(destination, { host: '127.0.0.1', port });
  }
  Reflect.apply(connect, this, args);
  return this;
};
