import { Socket } from 'node:net';

/**
 * Loaded into an agent before anything else: an EndpointSlice may hold no address of this machine, so calls of `host:port`
 * arrive at the local port that the variable names, as calls of a pod would at the pod.
 */

/** Ports of 127.0.0.1 by `host:port`, as JSON. */
const PLACES = JSON.parse(process.env['FAIRLEAD_TEST_PLACES'] ?? '{}') as Readonly<Record<string, number>>;

interface Destination {
  host?: string;
  port?: number | string;
}

const { connect } = Socket.prototype;
Socket.prototype.connect = function lead(this: Socket, ...args: readonly unknown[]): Socket {
  // `net.connect` hands over its arguments as a list that it has put in order.
  const [first] = args;
  const destination = (Array.isArray(first) ? first[0] : first) as Destination | undefined;
  const port = destination && PLACES[`${destination.host}:${destination.port}`];
  if (destination && port !== undefined) Object.assign(destination, { host: '127.0.0.1', port });
  return Reflect.apply(connect, this, args) as Socket;
};
