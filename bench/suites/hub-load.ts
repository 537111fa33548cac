import { FREE_DAILY_REQUESTS, simulateHubLoad } from '../hub-load.ts';
import type { ResultRow, Suite } from '../suite.ts';

const COUNTS = [1, 10, 20, 100, 1000];
const QUICK_COUNTS = [1, 10, 20];

/** The agent looks at each edge this often when nothing changes, in seconds (config.ts). */
const RESYNC_SECONDS = 30;

export const hubLoadSuite: Suite = {
  name: 'hub-load',
  does: 'requests that the hub gets in a day, by the number of isolates, simulated',
  run: async ({ quick, progress }) => {
    const rows: ResultRow[] = [];
    for (const isolates of quick ? QUICK_COUNTS : COUNTS) {
      progress(`hub-load: ${isolates} isolates`);
      const { pollsPerDay, ...load } = simulateHubLoad(isolates, evenlySpread());
      const agent = 86_400 / RESYNC_SECONDS;
      const share = Math.round(((pollsPerDay + agent) / FREE_DAILY_REQUESTS) * 100) / 100;
      rows.push({ ...load, pollsPerDay, agent, share });
    }
    return { tables: [{ title: 'requests to the hub in a day on which nothing changes', columns, rows }] };
  },
};

/** Numbers from 0 up to 1 without a pattern that matters, the same in every run. */
function evenlySpread(): () => number {
  let at = 0;
  return () => (at = (at + 0.618_033_988_749_895) % 1);
}

const columns = [
  { key: 'isolates', heading: 'isolates' },
  { key: 'simulatedHours', heading: 'hours simulated' },
  { key: 'pollsPerDay', heading: 'polls/day' },
  { key: 'agent', heading: 'looks of an agent/day' },
  { key: 'share', heading: `x the free plan's ${FREE_DAILY_REQUESTS.toLocaleString('en')}` },
  { key: 'meanWaitMs', heading: 'a change waits, ms' },
  { key: 'longestWaitMs', heading: 'at most, ms' },
];
