import { unknownFeatures } from '../../contract/features.ts';
import type { SightingAnswer, SightingQuestion } from '../../contract/sighting.ts';
import type { Clock } from '../clock.ts';
import { dialects } from '../dialects/registry.ts';
import { collect } from '../streaming/collect-bytes.ts';
import { reachProvider, Unreachable, type Reach, type Reaching } from './reach-provider.ts';
import { readModelList, type ModelList } from './read-model-list.ts';

export interface Looking extends Reaching {
  readonly clock: Clock;
  /** Origin of this edge. */
  readonly edge: string;
}

/** For one path, and for all of them: who asks gives up after ten seconds. Milliseconds. */
const PATH_MS = 5000;
const ALL_PATHS_MS = 8000;

const MAX_BYTES = 1024 * 1024;

/** How much of an error's text goes into a sentence. */
const MAX_REASON_LENGTH = 160;

/** Of an operation's path nothing else is needed; `@` could make another host of the base URL's. */
const PATH = /^(?:\/[\w.~!$&'()*+,;=:%-]+)*$/;

/**
 * Looks which models answer behind a provider, by exactly the way that requests would go to it: what its entry may not
 * reach, or has no credentials for, is not seen.
 *
 * @param cluster whose agent asks: secrets that another sealed are not opened
 */
export async function lookAtProvider(
  looking: Looking,
  cluster: string,
  question: SightingQuestion,
): Promise<SightingAnswer> {
  const { entry, provider, paths, secrets } = question;
  const obstacle = obstacleTo(question, looking.edge);
  if (obstacle !== undefined) return notSeen(`the edge does not call it: ${obstacle}`);
  const headers = new Headers({ accept: 'application/json', 'user-agent': 'fairlead' });
  const home = { cluster, secret: (id: string) => (Object.hasOwn(secrets, id) ? secrets[id] : undefined) };
  let reach: Reach;
  try {
    reach = await reachProvider(
      looking,
      { providerId: provider, provider: entry, home },
      dialects[entry.dialect].upstream,
      headers,
    );
  } catch (error) {
    if (error instanceof Unreachable) return notSeen(`the edge does not call it: ${error.message}`);
    throw error;
  }

  const faults: Fault[] = [];
  const endsAt = looking.clock.now() + ALL_PATHS_MS;
  for (const path of paths) {
    const ms = Math.min(PATH_MS, endsAt - looking.clock.now());
    if (ms <= 0) break;
    const url = new URL(`${reach.baseURL}${path}/models`);
    const seen = await look(reach, url, headers, ms, looking.clock);
    if (seen.type === 'Models') return { type: 'Seen', path, models: [...seen.models] };
    faults.push({ path: url.pathname, what: seen.what });
    // All paths have one host: what does not connect for one does not for the next.
    if (seen.isFinal) break;
  }
  const { origin } = new URL(reach.baseURL);
  return notSeen(
    `${entry.binding === undefined ? origin : `the binding ${entry.binding} (${origin})`} ${told(faults)}`,
  );
}

interface Fault {
  readonly path: string;
  readonly what: string;
}

function obstacleTo({ entry, paths }: SightingQuestion, edge: string): string | undefined {
  const unknown = unknownFeatures(entry);
  if (unknown.length > 0) return `it requires ${unknown.join(', ')}, which this worker does not know`;
  if (!paths.every((path) => PATH.test(path))) return 'one of its paths is none';
  if (entry.binding === undefined && new URL(entry.baseURL).host === new URL(edge).host)
    return "its address is this edge's own";
  return undefined;
}

/** Does not throw. */
async function look(
  { fetch, secrets }: Reach,
  url: URL,
  headers: Headers,
  ms: number,
  clock: Clock,
): Promise<ModelList & { readonly isFinal?: boolean }> {
  const stopping = new AbortController();
  const disarm = clock.after(ms, () => stopping.abort());
  try {
    const { signal } = stopping;
    const response = await fetch(url.href, { method: 'GET', headers, redirect: 'manual', signal });
    const body = response.body && (await collect(response.body, MAX_BYTES));
    if (body === undefined) return { type: 'Fault', what: 'answers with more than a megabyte' };
    return readModelList({
      status: response.status,
      headers: response.headers,
      text: body ? new TextDecoder().decode(body) : '',
    });
  } catch (error) {
    const what = stopping.signal.aborted
      ? `does not answer within ${Math.round(ms / 1000)} s`
      : `cannot be reached (${reasonOf(error, secrets)})`;
    return { type: 'Fault', what, isFinal: true };
  } finally {
    disarm();
  }
}

/** Paths of one fate stand together. */
function told(faults: readonly Fault[]): string {
  const byFate = Map.groupBy(faults, ({ what }) => what);
  return [...byFate].map(([what, paths]) => `${what}: ${paths.map(({ path }) => `GET ${path}`).join(', ')}`).join('; ');
}

function reasonOf(error: unknown, secrets: readonly string[]): string {
  const message = error instanceof Error ? error.message : String(error);
  const harmless = secrets.reduce((text, secret) => (secret === '' ? text : text.replaceAll(secret, '…')), message);
  return withoutReference(harmless)
    .slice(0, MAX_REASON_LENGTH)
    .replace(/[.\s]+$/, '');
}

/** The runtime numbers each of its internal errors; with that, equal failures would be told as ever new ones. */
function withoutReference(message: string): string {
  return message.replace(/;? *reference = \w+/, '');
}

function notSeen(sentence: string): SightingAnswer {
  return { type: 'NotSeen', sentence };
}
