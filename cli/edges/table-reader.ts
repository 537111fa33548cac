import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { Json } from '../../contract/canonical-json.ts';
import { sha256Hex } from '../../contract/encoding.ts';
import type { SectionHashes } from '../../contract/routing-table.ts';
import type { Blob } from '../../sync-agent/compile/compilation.ts';
import { forEachBounded } from '../../sync-agent/for-each-bounded.ts';
import type { ResourceKey } from '../../sync-agent/snapshot.ts';
import { entryName, type ComparedKind } from '../../sync-agent/table-difference.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import {
  resourceChanges,
  sameButSecrets,
  type Entries,
  type ResourceChange,
  type TableEntries,
} from './entry-changes.ts';
import { servicesNamed } from './service-changes.ts';

const PARALLEL_READS = 8;

const COMPARED = ['routes', 'models', 'providers', 'consumers'] as const;

const bucket = z.record(z.string(), z.json());

/** Of the sections that resources are compiled to, the buckets. */
export type ResourceHashes = Pick<SectionHashes, 'routes' | 'models' | 'providers' | 'consumers'>;

const NOTHING: ResourceHashes = { routes: [], models: [], providers: [], consumers: [] };

/** Reads what tables say, each bucket once, and of two tables only the buckets in which they differ. */
export class TableReader {
  readonly #fetchBlob: (sha256: string) => Promise<Uint8Array<ArrayBuffer>>;
  readonly #buckets = new Map<string, Readonly<Record<string, Json>>>();

  /** @param fetchBlob from the edge */
  constructor(fetchBlob: (sha256: string) => Promise<Uint8Array<ArrayBuffer>>) {
    this.#fetchBlob = fetchBlob;
  }

  /** Takes in what is known without asking. */
  learn(blobs: readonly Blob[]): void {
    for (const { sha256, bytes } of blobs) if (!this.#buckets.has(sha256)) this.#buckets.set(sha256, parse(bytes));
  }

  /** For people. @param before null: an empty table */
  async changes(before: ResourceHashes | null, after: ResourceHashes | null): Promise<ResourceChange[]> {
    return servicesNamed(await this.entryChanges(before, after));
  }

  /** The same as the agent counts it: by the names of entries. */
  async entryChanges(before: ResourceHashes | null, after: ResourceHashes | null): Promise<ResourceChange[]> {
    const [old, now] = await this.#differing(before ?? NOTHING, after ?? NOTHING);
    return resourceChanges(old, now);
  }

  /**
   * In which entries two tables differ, by `section/id`.
   *
   * @param unknownSecrets resources of which secrets are not compared
   */
  async differingEntries(
    before: ResourceHashes,
    after: ResourceHashes,
    unknownSecrets: ReadonlySet<ResourceKey>,
  ): Promise<ReadonlySet<string>> {
    const [old, now] = await this.#differing(before, after);
    const isSame = (section: ComparedKind, id: string): boolean => {
      const [a, b] = [old[section].get(id), now[section].get(id)];
      if (isDeepStrictEqual(a, b)) return true;
      const isUnknown = section === 'providers' && unknownSecrets.has(`LLMProvider/${id}`);
      return isUnknown && a !== undefined && b !== undefined && sameButSecrets(a, b);
    };
    const names = COMPARED.flatMap((section) =>
      [...new Set([...old[section].keys(), ...now[section].keys()])]
        .filter((id) => !isSame(section, id))
        .map((id) => entryName(section, id)),
    );
    return new Set(names);
  }

  /** The entries of a whole section. */
  async entries(hashes: readonly string[]): Promise<Entries> {
    await this.#read(hashes);
    return new Map(hashes.flatMap((hash) => Object.entries(this.#buckets.get(hash) ?? {})));
  }

  async #differing(before: ResourceHashes, after: ResourceHashes): Promise<[TableEntries, TableEntries]> {
    // A consumer's keys may stand in several buckets: all are read, or none.
    const sameConsumers = isDeepStrictEqual(before.consumers, after.consumers);
    const side = async (mine: ResourceHashes, other: ResourceHashes): Promise<TableEntries> => ({
      routes: await this.entries(without(mine.routes, other.routes)),
      models: await this.entries(without(mine.models, other.models)),
      providers: await this.entries(without(mine.providers, other.providers)),
      consumers: await this.entries(sameConsumers ? [] : mine.consumers),
    });
    return [await side(before, after), await side(after, before)];
  }

  async #read(hashes: readonly string[]): Promise<void> {
    const unknown = hashes.filter((hash) => !this.#buckets.has(hash));
    await forEachBounded(unknown, PARALLEL_READS, async (hash) => {
      const bytes = await this.#fetchBlob(hash);
      if ((await sha256Hex(bytes)) !== hash)
        throw new CliError(`the edge gave other bytes than those of blob ${hash.slice(0, 12)}`, EXIT.environment);
      this.#buckets.set(hash, parse(bytes));
    });
  }
}

function parse(bytes: Uint8Array): Readonly<Record<string, Json>> {
  return bucket.parse(JSON.parse(new TextDecoder().decode(bytes)));
}

function without(hashes: readonly string[], others: readonly string[]): string[] {
  const known = new Set(others);
  return hashes.filter((hash) => !known.has(hash));
}
