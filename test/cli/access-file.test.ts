import { chmod, mkdtemp, realpath, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { defaultPlace } from '../../cli/edges/default-place.ts';
import { findAccess, leaveAccessFile } from '../../cli/dev/access-file.ts';
import { makeEdgeKeys } from '../../cli/edge-keys.ts';

const TEMPORARY = tmpdir();
const alive = () => true;

describe('the access file of fairlead dev', () => {
  let place: string;
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(TEMPORARY, 'fairlead-test-'));
    place = await mkdtemp(join(TEMPORARY, 'fairlead-test-'));
    vi.stubEnv('TMPDIR', place);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await Promise.all([dir, place].map((path) => rm(path, { recursive: true, force: true })));
  });

  const access = async (pid = process.pid) => ({
    pid,
    endpoint: 'http://127.0.0.1:8787',
    cluster: 'local',
    clusterUid: 'directory',
    simulator: 'http://127.0.0.1:8788',
    keys: await makeEdgeKeys(),
  });
  const folder = () => join(place, `fairlead-${process.getuid?.()}`);

  test('is found by the folder that the gateway runs on, by whatever path', async () => {
    const left = await access();
    await leaveAccessFile(dir, left);
    const link = join(place, 'link');
    await symlink(dir, link);
    expect(await findAccess(dir, alive)).toMatchObject(left);
    expect(await findAccess(link, alive)).toMatchObject(left);
    expect(await findAccess(place, alive)).toBeUndefined();
  });

  test('names the folder that commands mean where they are given none: that of the only gateway that runs', async () => {
    const defaultFolder = async (): Promise<string> => {
      const place = await defaultPlace();
      return place.type === 'Folder' ? place.dir : '';
    };
    await expect(defaultFolder()).rejects.toThrow(/a folder of YAML resources, or a cluster with --context/);
    await leaveAccessFile(dir, await access());
    expect(await realpath(await defaultFolder())).toBe(await realpath(dir));
    await leaveAccessFile(place, await access());
    await expect(defaultFolder()).rejects.toThrow('2 `fairlead dev` run: name the folder of the one that is meant');
    await leaveAccessFile(place, await access(2 ** 22 - 1));
    expect(await realpath(await defaultFolder())).toBe(await realpath(dir));
  });

  test('is for its owner alone', async () => {
    await leaveAccessFile(dir, await access());
    expect((await stat(folder())).mode & 0o777).toBe(0o700);
    const [file = ''] = await import('node:fs/promises').then(({ readdir }) => readdir(folder()));
    expect((await stat(join(folder(), file))).mode & 0o777).toBe(0o600);
  });

  test('counts no more once its process is dead', async () => {
    await leaveAccessFile(dir, await access(2 ** 22 - 1));
    expect(await findAccess(dir, () => false)).toBeUndefined();
  });

  test('goes with its gateway, and a later gateway’s stays', async () => {
    const remove = await leaveAccessFile(dir, await access(1));
    await leaveAccessFile(dir, await access(2));
    await remove();
    expect((await findAccess(dir, alive))?.pid).toBe(2);
  });

  test('is neither written to nor read from a folder that others may write to', async () => {
    await leaveAccessFile(dir, await access());
    await chmod(folder(), 0o777);
    expect(await findAccess(dir, alive)).toBeUndefined();
    await expect(leaveAccessFile(dir, await access())).rejects.toThrow('is not a folder of this user alone');
  });
});
