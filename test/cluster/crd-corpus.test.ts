import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { isKind } from '../../crds/kinds.ts';
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
const refused = invalid.filter((file) => !isLenient(file));
/** Those that the corpus names. */
const NAMESPACES = ['team-a', 'platform'];

describe.skipIf(isApiServerMissing())('a real API server with our CRDs', () => {
  let server: ApiServer;

  beforeAll(async () => {
    server = await startApiServer();
    await server.kubectl(['apply', '--server-side', '-f', MANIFESTS]);
    for (const name of NAMESPACES) await server.kubectl(['create', 'namespace', name]);
    await server.kubectl(['wait', '--for=condition=Established', '--timeout=30s', '-f', MANIFESTS]);
  });

  afterAll(() => server?.stop());

  /** As a real one would, but nothing is stored, so that every object may have the same name. */
  const create = (object: unknown) =>
    server.tryKubectl(
      ['create', '--dry-run=server', '--validate=strict', '-o', 'json', '-f', '-'],
      JSON.stringify(object),
    );

  test.each(corpusFiles('valid').filter(ours))('stores $name with the defaults that we fill in', async ({ object }) => {
    const answer = await create(object);
    expect(answer).toMatchObject({ code: 0, err: '' });
    const parsed = parseResource(object);

    expect(parsed.outcome === 'resource' && 'spec' in parsed.resource && parsed.resource.spec).toEqual(
      stored.parse(JSON.parse(answer.out)).spec,
    );
  });

  test.each(refused)('refuses $name in the words that it names', async (file) => {
    const { code, err } = await create(file.object);

    expect(code).not.toBe(0);
    for (const words of wordsOfServer(file)) expect(withoutRepetition(err)).toContain(words);
  });

  test.each(lenient)('takes $name, as its head says', async ({ object }) => {
    expect(await create(object)).toMatchObject({ code: 0 });
  });
});

const stored = z.looseObject({ spec: z.unknown() });

/** Its own where the file has them, else ours: then a CEL rule or a pattern says them. */
function wordsOfServer({ errors, serverErrors }: CorpusFile): readonly string[] {
  return serverErrors.length > 0 ? serverErrors : errors.map((error) => error.slice(error.indexOf(': ') + 2));
}

/** The server says the field twice, and between that the value. */
function withoutRepetition(err: string): string {
  return err.replaceAll(/(\S+): Invalid value: [^\n]*?: \1 in body /g, '$1: ');
}
