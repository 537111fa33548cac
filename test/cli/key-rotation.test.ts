import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readDirectory } from '../../sync-agent/source/read-directory.ts';
import { KeyFolder } from '../../cli/keys/key-folder.ts';
import { contradictionIn, nextStep, phasesOf, type KeyFacts, type Part } from '../../cli/keys/rotation.ts';
import { runFairlead } from '../support/run-fairlead.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';

const sealing = (kid: string) => ({ kid, publicKey: `public-${kid}` });
const BOTH: readonly Part[] = ['signing', 'sealing'];

/** The files after each step, and after each write within a step. */
const IDLE: KeyFacts = { signing: 's1', trusted: ['s1'], sealing: [sealing('e1')], opened: ['e1'], next: undefined };
const ANNOUNCED: KeyFacts = {
  ...IDLE,
  trusted: ['s1', 's2'],
  opened: ['e1', 'e2'],
  next: { signing: 's2', sealing: sealing('e2') },
};
const SWITCHED: KeyFacts = {
  ...ANNOUNCED,
  signing: 's2',
  sealing: [sealing('e2'), sealing('e1')],
  next: undefined,
};
const DONE: KeyFacts = { ...IDLE, signing: 's2', trusted: ['s2'], sealing: [sealing('e2')], opened: ['e2'] };

describe('which step of a rotation comes next', () => {
  test.each<[string, KeyFacts, string, readonly Part[]]>([
    ['before any', IDLE, 'Begin', BOTH],
    ['stopped after the next key was kept', { ...IDLE, next: ANNOUNCED.next }, 'Begin', BOTH],
    ['both keys announced', ANNOUNCED, 'Switch', BOTH],
    [
      'stopped after edge-gateway.yaml was switched',
      { ...ANNOUNCED, sealing: SWITCHED.sealing },
      'Switch',
      ['signing'],
    ],
    ['stopped before the file of the next key was removed', { ...SWITCHED, next: ANNOUNCED.next }, 'Retire', BOTH],
    ['both keys switched', SWITCHED, 'Retire', BOTH],
    ['only the old sealing key is still needed', { ...SWITCHED, trusted: ['s2'] }, 'Retire', ['sealing']],
    [
      'stopped after worker-secrets.json lost the old keys',
      { ...SWITCHED, trusted: ['s2'], opened: ['e2'] },
      'Retire',
      ['sealing'],
    ],
    ['after the last', DONE, 'Begin', BOTH],
    ['with a sealing key of another cluster', { ...IDLE, opened: ['theirs', 'e1'] }, 'Begin', BOTH],
  ])('%s', (_when, facts, type, parts) => {
    expect(contradictionIn(facts)).toBeUndefined();
    expect(nextStep(facts, BOTH)).toEqual({ type, parts });
  });

  test('what was asked for alone moves alone', () => {
    expect(nextStep(ANNOUNCED, ['signing'])).toEqual({ type: 'Switch', parts: ['signing'] });
    expect(nextStep(SWITCHED, ['sealing'])).toEqual({ type: 'Retire', parts: ['sealing'] });
  });

  test('a sealing key is not announced while the signing key is between two', () => {
    const signingSwitched = { ...IDLE, signing: 's2', trusted: ['s1', 's2'] };
    expect(nextStep(signingSwitched, ['sealing'])).toEqual({ type: 'FinishSigningFirst' });
  });

  test('a rotation that is given up by deleting the file of the next key ends where it began', () => {
    const givenUp = { ...ANNOUNCED, next: undefined };
    expect(phasesOf(givenUp)).toEqual({ signing: 'switched', sealing: 'idle' });
    expect(nextStep(givenUp, BOTH)).toEqual({ type: 'Retire', parts: ['signing'] });
  });

  test.each<[string, KeyFacts, string]>([
    ['a signing key that the worker does not verify', { ...IDLE, trusted: ['other'] }, 'signing-key.yaml'],
    ['a sealing key that the worker cannot open', { ...IDLE, opened: ['other'] }, 'edge-gateway.yaml'],
  ])('files with %s do not belong together', (_what, facts, file) => {
    expect(contradictionIn(facts)).toContain(file);
  });
});

describe('the files of a rotation', () => {
  let folder: TemporaryFolder;
  let keys: string;
  beforeEach(async () => {
    folder = await temporaryFolder();
    keys = join(folder.path, 'keys');
    await runFairlead(['keygen', '--out', keys]);
  });
  afterEach(() => folder.dispose());

  const rotate = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await runFairlead(['keys', 'rotate', keys, ...args]);
    return { code, stdout, stderr };
  };
  const read = (file: string) => readFile(join(keys, file), 'utf8');

  test('the first step leaves what is in use as it is, and says what to install', async () => {
    const before = { signing: await read('signing-key.yaml'), gateway: await read('edge-gateway.yaml') };
    const { code, stdout } = await rotate();
    expect(code).toBe(0);
    expect(stdout).toContain(`npx wrangler secret bulk ${keys}/worker-secrets.json`);
    expect(stdout).toContain(`npx fairlead keys rotate ${keys}`);
    expect({ signing: await read('signing-key.yaml'), gateway: await read('edge-gateway.yaml') }).toEqual(before);
    const { FAIRLEAD_CLUSTERS, FAIRLEAD_SEALING_KEYS } = JSON.parse(await read('worker-secrets.json'));
    expect(JSON.parse(FAIRLEAD_CLUSTERS)[0].verifyingKeys).toHaveLength(2);
    expect(JSON.parse(FAIRLEAD_SEALING_KEYS).keys).toHaveLength(2);
    // The private halves stand in files only.
    const next = JSON.parse(parse(await read('signing-key.next.yaml')).stringData['signing-key']);
    expect(stdout).not.toContain(next.d);
    for (const { d } of JSON.parse(FAIRLEAD_SEALING_KEYS).keys) expect(stdout).not.toContain(d);
  });

  test('stopped before worker-secrets.json was written, it begins again, and nothing of before is trusted', async () => {
    const untouched = await read('worker-secrets.json');
    await rotate();
    await writeFile(join(keys, 'worker-secrets.json'), untouched);
    const lost = (await KeyFolder.read(keys)).nextKey?.kid;
    expect((await rotate()).code).toBe(0);
    const { facts } = await KeyFolder.read(keys);
    expect(phasesOf(facts)).toEqual({ signing: 'announced', sealing: 'announced' });
    expect(facts.trusted).toEqual([facts.signing, facts.next?.signing]);
    expect(facts.trusted).not.toContain(lost);
  });

  test('the file of the next key is not the one in use for an agent that reads the whole folder', async () => {
    await rotate();
    const { resources } = await readDirectory(keys);
    const secrets = resources.filter(({ kind }) => kind === 'Secret').map(({ metadata }) => metadata.name);
    expect(secrets).toEqual(['edge-signing-key', 'edge-signing-key-next']);
  });

  test('comments of the files stay when keys are put into them', async () => {
    const path = join(keys, 'edge-gateway.yaml');
    const commented = `# Ours.\n${await read('edge-gateway.yaml')}`.replace('spec:\n', 'spec:\n  # Its name.\n');
    await writeFile(path, commented);
    const file = await KeyFolder.read(keys);
    await file.writeSealingKeys([{ kid: 'new', publicKey: 'x' }, file.facts.sealing[0]]);
    const after = await read('edge-gateway.yaml');
    expect(after).toContain('# Ours.\n');
    expect(after).toContain('  # Its name.\n');
    expect(parse(after).spec.sealingKeys).toHaveLength(2);
  });

  test.each<[string, (keys: string) => Promise<unknown>, RegExp]>([
    [
      'a folder without keys',
      (path) => rm(join(path, 'signing-key.yaml')),
      /signing-key\.yaml does not exist: name a folder that `fairlead keygen` wrote/,
    ],
    [
      'a file that is cut off',
      (path) => writeFile(join(path, 'worker-secrets.json'), '{"FAIRLEAD_'),
      /worker-secrets\.json is not as `fairlead keygen` writes it/,
    ],
    [
      'another edge’s secrets',
      async (path) => {
        const file = join(path, 'worker-secrets.json');
        await writeFile(file, (await readFile(file, 'utf8')).replace('llm.example.com', 'other.example.com'));
      },
      /is for another edge than edge-gateway\.yaml/,
    ],
  ])('%s is refused in a sentence, and nothing is changed', async (_what, spoil, message) => {
    await spoil(keys);
    const copy = join(folder.path, 'copy');
    await cp(keys, copy, { recursive: true });
    const { code, stderr } = await rotate();
    expect(code).toBe(3);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(await readFile(join(keys, 'worker-secrets.json'), 'utf8')).toBe(
      await readFile(join(copy, 'worker-secrets.json'), 'utf8'),
    );
  });

  test('signing and sealing alone at once is a usage error', async () => {
    expect((await rotate('--signing-only', '--sealing-only')).code).toBe(2);
  });
});
