import { createHash } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { EdgeKeys } from '../edge-keys.ts';
import { writeFileAtomically } from '../write-file-atomically.ts';

const jwk = z.looseObject({ kty: z.literal('OKP'), crv: z.string(), x: z.string(), d: z.string(), kid: z.string() });
const publicJwk = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string(),
  kid: z.string(),
});

/**
 * What `fairlead dev` leaves for commands on the same folder while it runs, so that they reach its edge and compile
 * what its agent compiles. Its keys are made for one run and open nothing else; a real provider's key is not in it.
 */
const devAccess = z.object({
  pid: z.int().positive(),
  /** The folder that it runs on, as a whole path. */
  folder: z.string(),
  /** Origin of the edge. */
  endpoint: z.string(),
  cluster: z.string(),
  clusterUid: z.string(),
  /** Origin of the simulator. */
  simulator: z.string(),
  /** `namespace/name` of the EdgeGateway that runs, where one was asked for. */
  gateway: z.string().optional(),
  /** The real provider, where it joined. */
  openAI: z.object({ baseURL: z.string(), model: z.string() }).optional(),
  keys: z.object({
    signing: z.object({ privateJwk: jwk, publicJwk }),
    sealing: z.object({ privateJwk: jwk, kid: z.string(), publicKey: z.string() }),
    secretIdKey: z.string(),
  }),
});

export type DevAccess = z.infer<typeof devAccess>;
export type AccessToLeave = Omit<DevAccess, 'keys' | 'folder'> & { readonly keys: EdgeKeys };

/**
 * Leaves the file, for this user alone.
 *
 * @returns removes it again, where it is still that of this process
 * @throws where the folder for it is not this user's own
 */
export async function leaveAccessFile(dir: string, access: AccessToLeave): Promise<() => Promise<void>> {
  const folder = accessFolder();
  await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  });
  if (!(await isOwn(folder))) throw new Error(`${folder} is not a folder of this user alone`);
  const path = await accessPath(dir);
  await writeFileAtomically(path, `${JSON.stringify({ ...access, folder: await realpath(dir) })}\n`, 0o600);
  return async () => {
    if ((await readAccess(path))?.pid === access.pid) await rm(path, { force: true });
  };
}

/** That of the `fairlead dev` which runs on the folder; undefined where none does. */
export async function findAccess(
  dir: string,
  isRunning: (pid: number) => boolean = isProcess,
): Promise<DevAccess | undefined> {
  if (!(await isOwn(accessFolder()))) return undefined;
  const access = await readAccess(await accessPath(dir));
  return access && isRunning(access.pid) ? access : undefined;
}

/** Those on which a `fairlead dev` runs. */
export async function foldersOfRunningGateways(): Promise<string[]> {
  const folder = accessFolder();
  if (!(await isOwn(folder))) return [];
  const left = await Promise.all((await readdir(folder)).map((name) => readAccess(join(folder, name))));
  return left.flatMap((access) => (access && isProcess(access.pid) ? [access.folder] : []));
}

/** A user's own folder, because everyone may write to the one for temporary files. */
function accessFolder(): string {
  return join(tmpdir(), `fairlead-${process.getuid?.() ?? userInfo().username}`);
}

async function accessPath(dir: string): Promise<string> {
  const name = createHash('sha256')
    .update(await realpath(dir))
    .digest('hex')
    .slice(0, 32);
  return join(accessFolder(), `dev-${name}.json`);
}

/** A folder that another user made before us, or could write to, may hold anything. */
async function isOwn(folder: string): Promise<boolean> {
  const found = await lstat(folder).catch(() => undefined);
  if (!found?.isDirectory()) return false;
  const uid = process.getuid?.();
  return uid === undefined || (found.uid === uid && (found.mode & 0o077) === 0);
}

async function readAccess(path: string): Promise<DevAccess | undefined> {
  try {
    return devAccess.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}

function isProcess(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
