import type { Resource } from '../../crds/parse-resource.ts';
import { DirectoryReader } from './directory-reader.ts';
import type { Listing } from './list-files.ts';
import { SourceUnavailable, type Problem } from './source.ts';

export interface DirectoryReading {
  /** In the order of their keys. */
  readonly resources: readonly Resource[];
  readonly problems: readonly Problem[];
}

/** Reads a folder of resources once. @throws {SourceUnavailable} */
export async function readDirectory(dir: string): Promise<DirectoryReading> {
  const reader = new DirectoryReader(dir);
  const { resources, problems } = await reader.read(await listOrFail(reader, dir));
  return { resources: [...resources.values()].map(({ resource }) => resource), problems };
}

/** @throws {SourceUnavailable} */
export async function listOrFail(reader: DirectoryReader, dir: string): Promise<Listing> {
  try {
    return await reader.list();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SourceUnavailable(`the folder ${dir} cannot be read (${reason})`, { cause: error });
  }
}
