import type { Suite } from '../suite.ts';
import { measureWire } from '../wire.ts';

export const wireSuite: Suite = {
  name: 'wire',
  does: 'requests and bytes for one change among 10,000 resources, from the agent to an isolate',
  run: async ({ progress }) => {
    progress('wire: the first table and one change of each kind');
    const rows = await measureWire();
    return {
      tables: [{ title: 'bodies on the wire; the first table is published and picked up whole', columns, rows }],
    };
  },
};

const columns = [
  { key: 'change', heading: 'change' },
  { key: 'publishRequests', heading: 'requests to publish' },
  { key: 'sent', heading: 'bytes sent' },
  { key: 'received', heading: 'bytes answered' },
  { key: 'followRequests', heading: 'requests to follow' },
  { key: 'isolateCalls', heading: 'calls of an isolate' },
  { key: 'isolateReceived', heading: 'bytes to an isolate' },
];
