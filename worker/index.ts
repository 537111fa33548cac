import { waitUntil } from 'cloudflare:workers';
import { createApp } from './app.ts';
import { systemClock } from './clock.ts';
import { fetcherBinding, readSealingKeys, workerSecret, type Env } from './env.ts';
import { Failure } from './errors.ts';
import { failureResponse } from './middleware/respond-to-failure.ts';
import { Authenticator } from './pipeline/authenticate.ts';
import { healthzRoute } from './routes/healthz.ts';
import { publishRoutes } from './routes/publish.ts';
import { revisionRoute } from './routes/revision.ts';
import { sightingRoute } from './routes/sighting.ts';
import { hubClient } from './table/hub-client.ts';
import { TablePickup } from './table/pick-up.ts';
import type { TableLog } from './table/table-log.ts';
import { readTableSettings } from './table/table-settings.ts';
import { Credentials } from './upstream/credentials.ts';
import { Health } from './upstream/health.ts';
import { lookAtProvider } from './upstream/look-at-provider.ts';
import type { Reaching } from './upstream/reach-provider.ts';
import { Readiness } from './upstream/readiness.ts';

export { TableHub } from './table/hub-object.ts';

type App = ReturnType<typeof createApp>;

/** One app an isolate. The value is shared, never the promise of it: a request that goes away takes its promises along. */
let shared: App | undefined;

export default {
  async fetch(request, env, context): Promise<Response> {
    if (!shared) {
      try {
        const made = await makeApp(env);
        shared ??= made;
      } catch (error) {
        return misconfigured(error);
      }
    }
    return shared.fetch(request, env, context);
  },
} satisfies ExportedHandler<Env>;

async function makeApp(env: Env): Promise<App> {
  const [settings, sealingKeys] = await Promise.all([readTableSettings(env), readSealingKeys(env)]);
  const now = systemClock.now;
  const log: TableLog = (level, message, fields) => writeLine({ event: 'table', level, message, ...fields });
  const hub = hubClient(env.TABLE_HUB);
  const cache = caches.default;
  const readiness = new Readiness(now);
  const storage = { hub, kv: env.TABLE_KV, cache };
  const pickup = new TablePickup({ settings, ...storage, signals: readiness, now, sleep, waitUntil, newId, log });
  const credentials = new Credentials({
    edge: settings.edge,
    findKey: (kid) => sealingKeys.get(kid),
    workerSecret: (name) => workerSecret(env, name),
  });
  const reaching: Reaching = {
    fetch: (url, init) => fetch(url, init),
    binding: (name) => fetcherBinding(env, name),
    credentials,
  };
  const looking = { ...reaching, clock: systemClock, edge: settings.edge };
  return createApp({
    clock: systemClock,
    newId,
    record: writeLine,
    tables: pickup,
    publish: publishRoutes({ settings, hub, now, log }),
    sighting: sightingRoute({ settings, now, log, look: (...asked) => lookAtProvider(looking, ...asked) }),
    revision: revisionRoute({ settings, pickup, now }),
    healthz: healthzRoute({ pickup }),
    services: {
      ...reaching,
      withoutUsageOption: new Set(),
      health: new Health(now),
      readiness,
      authenticator: new Authenticator(now),
    },
  });
}

function newId(): string {
  return crypto.randomUUID();
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => void systemClock.after(ms, resolve));
}

/** The log of a worker is its console: one JSON object a line. */
function writeLine(line: object): void {
  // oxlint-disable-next-line eslint/no-console -- this is the log
  console.log(JSON.stringify(line));
}

function misconfigured(error: unknown): Response {
  const detail = error instanceof Error ? error.message : String(error);
  writeLine({ event: 'misconfigured', level: 'error', message: detail });
  return failureResponse(
    new Failure(
      'misconfigured',
      'This gateway is not configured correctly. Its operator finds the reason in the log.',
      { detail },
    ),
  );
}
