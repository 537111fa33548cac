import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createDirectorySource, type DirectoryOptions } from '../../../sync-agent/source/directory.ts';
import { readDirectory } from '../../../sync-agent/source/read-directory.ts';
import type { Observation, OpenSource } from '../../../sync-agent/source/source.ts';

const secret = (name: string, value = 'v') =>
  `apiVersion: v1\nkind: Secret\nmetadata: {name: ${name}}\nstringData: {key: ${value}}\n`;

let base: string;
let dir: string;
let open: OpenSource | undefined;
let changed: PromiseWithResolvers<void>;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'fairlead-directory-'));
  dir = join(base, 'resources');
  await mkdir(dir);
});
afterEach(async () => {
  await open?.close();
  open = undefined;
  await rm(base, { recursive: true, force: true });
});

const write = (file: string, text: string) => writeFile(join(dir, file), text);

async function start(options: Partial<DirectoryOptions> = {}): Promise<OpenSource> {
  changed = Promise.withResolvers();
  open = await createDirectorySource({ dir, ...options }).open(() => changed.resolve(), new AbortController().signal);
  return open;
}

/** Waits for the watch to tell, then looks until something is different. */
async function next(source: OpenSource, isIt: (seen: Observation) => boolean = anything): Promise<Observation> {
  for (;;) {
    await changed.promise;
    changed = Promise.withResolvers();
    const seen = await source.observe();
    if (isIt(seen)) return seen;
  }
}

const anything = ({ changes, problems }: Observation) => changes.length > 0 || problems.length > 0;

function told({ changes, problems }: Observation): string[] {
  return [
    ...changes.map((change) =>
      change.type === 'Delete' ? `- ${change.key}` : `+ ${change.resource.kind}/${change.resource.metadata.name}`,
    ),
    ...problems.map(({ file, line, sentence }) => `${file}:${line} ${sentence.replaceAll(base, '')}`),
  ];
}

describe('a folder of resources', () => {
  test('gives all files of it and of the folders within, but no hidden ones', async () => {
    await mkdir(join(dir, 'team/deep'), { recursive: true });
    await mkdir(join(dir, '.git'));
    await write('a.yaml', secret('a'));
    await write('team/b.yml', secret('b'));
    await write('team/deep/c.json', JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'c' } }));
    await write('.git/d.yaml', secret('d'));
    await write('.e.yaml.swp', 'not yaml: [');
    await write('README.md', '# not a resource');
    expect(told(await (await start()).observe())).toEqual(['+ Secret/a', '+ Secret/b', '+ Secret/c']);
  });

  test('gives hundreds of files and folders, more than are looked at at once, and then only what changed', async () => {
    const names = Array.from({ length: 200 }, (_, i) => `s${i}`);
    await Promise.all(names.map((name) => mkdir(join(dir, name))));
    await Promise.all(names.map((name) => write(`${name}/file.yaml`, secret(name))));
    const source = await start();
    expect(told(await source.observe()).toSorted()).toEqual(names.map((name) => `+ Secret/${name}`).toSorted());
    await write('s77/file.yaml', secret('s77', 'other'));
    expect(told(await next(source))).toEqual(['+ Secret/s77']);
  });

  test('tells what changed, once', async () => {
    await write('a.yaml', `${secret('a')}---\n${secret('b')}`);
    const source = await start();
    await source.observe();
    await write('a.yaml', `${secret('a')}---\n${secret('b', 'other')}`);
    expect(told(await next(source))).toEqual(['+ Secret/b']);
    expect((await source.observe()).changes).toEqual([]);
  });

  test('follows a file that an editor replaces by renaming another over it', async () => {
    await write('a.yaml', secret('a'));
    const source = await start();
    await source.observe();
    await write('.a.yaml.tmp', secret('a', 'other'));
    await rename(join(dir, '.a.yaml.tmp'), join(dir, 'a.yaml'));
    expect(told(await next(source))).toEqual(['+ Secret/a']);
  });

  test('deletes what a deleted file held', async () => {
    await write('a.yaml', secret('a'));
    await write('b.yaml', secret('b'));
    const source = await start();
    await source.observe();
    await rm(join(dir, 'b.yaml'));
    expect(told(await next(source))).toEqual(['- Secret/default/b']);
  });

  test('notices files in a folder that came later', async () => {
    await write('a.yaml', secret('a'));
    const source = await start();
    await source.observe();
    await mkdir(join(dir, 'new/deeper'), { recursive: true });
    await write('new/deeper/b.yaml', secret('b'));
    expect(told(await next(source))).toEqual(['+ Secret/b']);
    await write('new/deeper/b.yaml', secret('b', 'other'));
    expect(told(await next(source))).toEqual(['+ Secret/b']);
  });

  test('notices files in a folder that was deleted and made again under its name', async () => {
    await mkdir(join(dir, 'sub'));
    await write('a.yaml', secret('a'));
    await write('sub/b.yaml', secret('b'));
    const source = await start();
    await source.observe();
    await rm(join(dir, 'sub'), { recursive: true });
    await mkdir(join(dir, 'sub'));
    await write('sub/b.yaml', secret('b', 'second'));
    await next(source);
    await write('sub/b.yaml', secret('b', 'third'));
    expect(told(await next(source))).toEqual(['+ Secret/b']);
  });

  test('follows a mounted ConfigMap, whose ..data link is swapped', async () => {
    await mkdir(join(dir, '..2026_1'));
    await write('..2026_1/a.yaml', secret('a'));
    await symlink('..2026_1', join(dir, '..data'));
    await symlink('..data/a.yaml', join(dir, 'a.yaml'));
    const source = await start();
    expect(told(await source.observe())).toEqual(['+ Secret/a']);
    await mkdir(join(dir, '..2026_2'));
    await write('..2026_2/a.yaml', secret('a', 'other'));
    await symlink('..2026_2', join(dir, '..data_tmp'));
    await rename(join(dir, '..data_tmp'), join(dir, '..data'));
    expect(told(await next(source))).toEqual(['+ Secret/a']);
  });

  test('follows links that lead elsewhere, and none that goes in circles', async () => {
    const elsewhere = join(base, 'elsewhere');
    await mkdir(elsewhere);
    await writeFile(join(elsewhere, 'a.yaml'), secret('a'));
    await symlink(join(elsewhere, 'a.yaml'), join(dir, 'a.yaml'));
    await symlink(dir, join(dir, 'circle'));
    const source = await start();
    expect(told(await source.observe())).toEqual(['+ Secret/a']);
    await writeFile(join(elsewhere, 'a.yaml'), secret('a', 'other'));
    expect(told(await next(source))).toEqual(['+ Secret/a']);
  });

  test('may be looked at through an overlay, of which only the outcome counts', async () => {
    await write('a.yaml', secret('a'));
    const source = await start({
      overlay: (resources) =>
        resources.map((resource) => ({ ...resource, metadata: { ...resource.metadata, namespace: 'dev' } })),
    });
    expect((await source.observe()).changes).toMatchObject([
      { type: 'Set', resource: { metadata: { namespace: 'dev' } } },
    ]);
    expect((await source.observe()).changes).toEqual([]);
  });

  test('tells once of each kind that nobody reads', async () => {
    await write('a.yaml', 'apiVersion: apps/v1\nkind: Deployment\n---\napiVersion: apps/v1\nkind: Deployment\n');
    await write('b.yaml', 'apiVersion: apps/v1\nkind: Deployment\n');
    const { problems } = await (await start()).observe();
    expect(problems).toEqual([
      {
        severity: 'notice',
        file: 'a.yaml',
        line: 1,
        column: 1,
        sentence: 'Deployment (apps/v1) is not a kind that Fairlead reads: left aside',
      },
    ]);
  });

  test('can be read once, without being watched', async () => {
    await write('a.yaml', secret('a'));
    const { resources, problems } = await readDirectory(dir);
    expect(resources.map(({ metadata }) => metadata.name)).toEqual(['a']);
    expect(problems).toEqual([]);
  });
});

describe('what is broken takes nothing away', () => {
  test('a document that no longer parses leaves its last valid resources', async () => {
    await write('a.yaml', `${secret('a')}---\n${secret('b')}`);
    const source = await start();
    await source.observe();
    await write('a.yaml', `${secret('a', 'new')}---\nkind: [\n`);
    const seen = told(await next(source));
    expect(seen[0]).toBe('+ Secret/a');
    expect(seen[1]).toMatch(
      /^a\.yaml:\d is not valid YAML: .* \(what the file said before stays: Secret\/default\/b\)$/,
    );
    expect(seen).toHaveLength(2);
    await write('a.yaml', secret('a', 'new'));
    expect(told(await next(source))).toEqual(['- Secret/default/b']);
  });

  test('a resource that is no longer valid stays as it was', async () => {
    await write('a.yaml', secret('a'));
    const source = await start();
    await source.observe();
    await write('a.yaml', `${secret('a')}colour: blue\n`);
    expect(told(await next(source))).toEqual(['a.yaml:5 colour: unknown field (its last valid version stays)']);
  });

  test('a file that is cut to nothing, as by an editor in the middle of saving, stays', async () => {
    await write('a.yaml', secret('a'));
    const source = await start();
    await source.observe();
    await write('a.yaml', '');
    expect(told(await next(source, ({ problems }) => problems.length > 0))).toEqual([
      'a.yaml:1 is empty: delete the file to delete its resources (what the file said before stays: Secret/default/a)',
    ]);
  });

  test('a folder that vanishes empties nothing, and is noticed when it comes back', async () => {
    await write('a.yaml', secret('a'));
    const source = await start();
    await source.observe();
    await rename(dir, join(base, 'away'));
    const gone = told(await next(source, ({ problems }) => problems.length > 0));
    expect(gone).toHaveLength(1);
    expect(gone[0]).toMatch(/^\.:1 the folder \/resources cannot be read .*; its one resource stays$/);
    await writeFile(join(base, 'away/a.yaml'), secret('a', 'other'));
    await rename(join(base, 'away'), dir);
    expect(told(await next(source, ({ changes }) => changes.length > 0))).toEqual(['+ Secret/a']);
    await write('a.yaml', secret('a', 'third'));
    expect(told(await next(source))).toEqual(['+ Secret/a']);
  });

  test('a folder that is suddenly empty, as after an unmount, empties nothing', async () => {
    await write('a.yaml', secret('a'));
    await write('b.yaml', secret('b'));
    const source = await start();
    await source.observe();
    await rm(join(dir, 'a.yaml'));
    await rm(join(dir, 'b.yaml'));
    const seen = await next(source, ({ problems }) => problems.length > 0);
    expect(seen.changes.filter(({ type }) => type === 'Set')).toEqual([]);
    expect(told(seen).at(-1)).toMatch(/holds no file of resources any more, as if it were no longer mounted/);
  });

  test('a file beyond 1 MB is not read, and says its size', async () => {
    await write('a.yaml', secret('a'));
    await write('big.yaml', `# ${'x'.repeat(2 * 1024 * 1024)}\n`);
    expect(told(await (await start()).observe())).toEqual([
      '+ Secret/a',
      'big.yaml:1 has 2.0 MB, and a file of resources may have 1 MB: split it',
    ]);
  });

  test('a file that is not UTF-8 says so', async () => {
    await writeFile(join(dir, 'a.yaml'), Uint8Array.of(0x61, 0xff, 0xfe));
    expect(told(await (await start()).observe())).toEqual(['a.yaml:1 is not UTF-8']);
  });

  test('a folder that does not exist at the start is an error with its name', async () => {
    await expect(
      createDirectorySource({ dir: join(base, 'none') }).open(() => undefined, new AbortController().signal),
    ).rejects.toThrow(/^the folder .*\/none cannot be read \(ENOENT/);
  });
});

describe('two documents of one name', () => {
  test('are an error that names both places; the first counts', async () => {
    await write('a.yaml', secret('a', 'first'));
    await write('b.yaml', `# copy\n${secret('a', 'second')}`);
    const seen = await (await start()).observe();
    expect(told(seen)).toEqual([
      '+ Secret/a',
      'b.yaml:2 stands twice: here (b.yaml:2) and at a.yaml:1, which counts; delete or rename one of them',
    ]);
    expect(seen.changes).toMatchObject([{ resource: { data: { key: Buffer.from('first').toString('base64') } } }]);
  });

  test('one of which is only kept of a broken file, are none', async () => {
    await write('a.yaml', secret('a', 'old'));
    const source = await start();
    await source.observe();
    await write('a.yaml', 'kind: [\n');
    await next(source);
    await write('b.yaml', secret('a', 'new'));
    const seen = await next(source, ({ changes }) => changes.length > 0);
    expect(seen.changes).toMatchObject([{ resource: { data: { key: Buffer.from('new').toString('base64') } } }]);
    expect(seen.problems).toHaveLength(1);
  });
});
