import { Agent, fetch } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { apiVersion } from '../../crds/group.ts';
import { isKind, kinds } from '../../crds/kinds.ts';
import { parseResource } from '../../crds/parse-resource.ts';
import { corpusFiles, type CorpusFile } from '../crds/corpus.ts';
import { isApiServerMissing } from '../envtest/programs.ts';
import { startApiServer, type ApiServer } from '../support/api-server.ts';

const MANIFESTS = new URL('../../crds/manifests/', import.meta.url).pathname;
/** Of the corpus, those that stand under our own CRDs; Secrets and grants are other people's to check. */
const ours = ({ object: { kind = '' } }: CorpusFile): boolean => isKind(kind);

const invalid = corpusFiles('invalid').filter(ours);
/** What a file holds of our own checks goes further: in brackets stands what the server does in place of refusing. */
const isLenient = ({ serverErrors }: CorpusFile): boolean => serverErrors.some((words) => words.startsWith('('));
const lenient = invalid.filter(isLenient);
const isServed = ({ object }: CorpusFile): boolean => object['apiVersion'] === apiVersion;
const refused = invalid.filter((file) => !isLenient(file) && isServed(file));
const unknown = invalid.filter((file) => !isServed(file));
const fileObject = z.looseObject({ kind: z.string().optional(), spec: z.unknown(), status: z.unknown() });
const withStatus = corpusFiles('valid').filter((file) => ours(file) && 'status' in file.object);
/** Those that the corpus names. */
const NAMESPACES = ['team-a', 'platform'];

/** What the server answers to a request: an object, or a Status that says why not. */
interface Answer {
  readonly status: number;
  readonly body: unknown;
}

describe.skipIf(isApiServerMissing())('a real API server with our CRDs', () => {
  let server: ApiServer;
  let connections: Agent;

  beforeAll(async () => {
    server = await startApiServer();
    connections = new Agent({ connect: { ca: server.certificateAuthority } });
    await server.kubectl(['apply', '--server-side', '-f', MANIFESTS]);
    for (const name of NAMESPACES) await server.kubectl(['create', 'namespace', name]);
    await server.kubectl(['wait', '--for=condition=Established', '--timeout=30s', '-f', MANIFESTS]);
  });

  afterAll(async () => {
    await connections?.close();
    await server?.stop();
  });

  /** Without kubectl, of which hundreds of processes would take most of the time of this file. */
  const ask = async (method: 'POST' | 'PATCH', path: string, body: unknown): Promise<Answer> => {
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const headers = { authorization: `Bearer ${server.token}`, 'content-type': type };
    const sent = { method, headers, body: JSON.stringify(body), dispatcher: connections };
    const answer = await fetch(`${server.url}${path}`, sent);
    return { status: answer.status, body: await answer.json() };
  };

  /** As a real one would, but nothing is stored, so that every object may have the same name. */
  const tryCreate = (object: unknown, validation: 'Strict' | 'Ignore' = 'Strict') =>
    ask('POST', `${collectionOf(object)}?dryRun=All&fieldValidation=${validation}`, object);

  test.each(corpusFiles('valid').filter(ours))('stores $name with the defaults that we fill in', async ({ object }) => {
    const answer = await tryCreate(object);
    expect(answer).toMatchObject({ status: 201 });
    const parsed = parseResource(object);

    expect(parsed.outcome === 'resource' && 'spec' in parsed.resource && parsed.resource.spec).toEqual(
      stored.parse(answer.body).spec,
    );
  });

  test.each(refused)('refuses $name in the words that it names', async (file) => {
    const { status, body } = await tryCreate(file.object);

    expect(status).not.toBe(201);
    for (const words of wordsOfServer(file)) expect(withoutRepetition(wordsOf(body))).toContain(words);
  });

  test.each(unknown)('has no place for $name', async (file) => {
    const { code, err } = await server.tryKubectl(['create', '-f', '-'], JSON.stringify(file.object));

    expect(code).not.toBe(0);
    for (const words of wordsOfServer(file)) expect(err).toContain(words);
  });

  test.each(withStatus)('keeps the whole status of $name', async ({ object }) => {
    const { spec, status } = fileObject.parse(object);
    const collection = collectionOf(object);
    const created = await ask('POST', collection, { ...object, metadata: { generateName: 'status-' }, spec });
    const { name } = stored.parse(created.body).metadata;
    const patched = await ask('PATCH', `${collection}/${name}/status`, { status });

    expect(stored.parse(patched.body).status).toEqual(status);
  });

  test.each(corpusFiles('valid').filter(ours))('drops what $name has too much', async ({ object }) => {
    const answer = await tryCreate({ ...object, spec: withSurplus(object.spec) }, 'Ignore');
    const parsed = parseResource(object);

    expect(parsed.outcome === 'resource' && 'spec' in parsed.resource && parsed.resource.spec).toEqual(
      stored.parse(answer.body).spec,
    );
  });

  test('kubectl get answers the obvious question of an AIModel and of an EdgeGateway', async () => {
    for (const file of ['ai-model-full.yaml', 'edge-gateway-full.yaml']) await store(file);
    const aiModels = await server.kubectl(['get', 'aimodel', 'everything', '--namespace=team-a']);
    const edges = await server.kubectl(['get', 'edge', 'edge', '--namespace=platform', '-o', 'wide']);

    expect(columnsOf(aiModels)).toMatchObject({ SERVICES: 'Degraded', REPLICAS: '2', RESOLVEDREFS: 'False' });
    expect(columnsOf(edges)).toMatchObject({ REVISION: '0a1b2c3d4e5f', MODELS: '3', ISOLATES: '2', SUSPENDED: 'true' });
  });

  /** With its status. */
  async function store(file: string): Promise<void> {
    const path = new URL(`../crds/valid/${file}`, import.meta.url).pathname;
    await server.kubectl(['apply', '--server-side', '-f', path]);
    await server.kubectl(['apply', '--server-side', '--subresource=status', '-f', path]);
  }

  test.each(lenient)('takes $name, as its head says', async ({ object }) => {
    expect(await tryCreate(object)).toMatchObject({ status: 201 });
  });
});

const fileHead = z.looseObject({ kind: z.string(), metadata: z.looseObject({ namespace: z.string().optional() }) });

function collectionOf(object: unknown): string {
  const { kind, metadata } = fileHead.parse(object);
  if (!isKind(kind)) throw new Error(`${kind} is not of our group`);
  return `/apis/${apiVersion}/namespaces/${metadata.namespace ?? 'default'}/${kinds[kind].plural}`;
}

const refusal = z.object({
  message: z.string(),
  details: z.object({ causes: z.array(z.object({ field: z.string(), message: z.string() })).default([]) }).optional(),
});

/** The words of a Status as kubectl writes them: a line for each thing that is wrong. */
function wordsOf(body: unknown): string {
  const { message, details } = refusal.parse(body);
  return [message, ...(details?.causes ?? []).map((cause) => `${cause.field}: ${cause.message}`)].join('\n');
}

const stored = z.looseObject({
  metadata: z.looseObject({ name: z.string() }),
  spec: z.unknown(),
  status: z.unknown().optional(),
});

/** A field that no schema knows, in every object of a specification that is no free map. */
function withSurplus(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withSurplus);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).map(([name, field]) => [name, isMap(name) ? field : withSurplus(field)]);
  return { ...Object.fromEntries(fields), surplus: 'x' };
}

function isMap(field: string): boolean {
  return field === 'metadata' || field === 'matchLabels';
}

/** The one row of a table of kubectl, by its headings. An empty cell shows by its place only. */
function columnsOf(table: string): Record<string, string> {
  const [headings = '', row = ''] = table.split('\n');
  return Object.fromEntries(
    [...headings.matchAll(/(\S+(?: \S+)*) */g)].map(({ 0: cell, 1: heading = '', index }) => [
      heading,
      row.slice(index, index + cell.length).trim(),
    ]),
  );
}

/** Its own where the file has them, else ours: then a CEL rule or a pattern says them. */
function wordsOfServer({ errors, serverErrors }: CorpusFile): readonly string[] {
  return serverErrors.length > 0 ? serverErrors : errors.map((error) => error.slice(error.indexOf(': ') + 2));
}

/** The server says the field twice, and between that the value. */
function withoutRepetition(words: string): string {
  return words.replaceAll(/(\S+): Invalid value: [^\n]*?: \1 in body /g, '$1: ');
}
