import { kinds } from '../../crds/kinds.ts';
import { applyChange, type Resource, type ResourceKey } from '../../sync-agent/snapshot.ts';
import {
  SourceUnavailable,
  type Problem,
  type ResourceSource,
  type StoredObject,
} from '../../sync-agent/source/source.ts';
import { CliError, EXIT } from '../exit-codes.ts';

/** What a source holds at one moment. */
export interface SourceReading {
  readonly resources: readonly Resource[];
  readonly problems: readonly Problem[];
  /** Resources of ours as the API server had them. */
  readonly stored: ReadonlyMap<ResourceKey, StoredObject>;
}

/** Reads a source once and ends it. @throws {CliError} where it cannot be read */
export async function readSource(source: ResourceSource): Promise<SourceReading> {
  try {
    const open = await source.open(() => undefined, new AbortController().signal);
    try {
      const { changes, problems } = await open.observe();
      const held = new Map<ResourceKey, Resource>();
      for (const change of changes) applyChange(held, change);
      const stored = [...held].flatMap(([key, { kind }]) => {
        const object = kind in kinds ? open.cluster?.stored(key) : undefined;
        return object ? [[key, object] as const] : [];
      });
      return { resources: [...held.values()], problems, stored: new Map(stored) };
    } finally {
      await open.close();
    }
  } catch (error) {
    if (error instanceof SourceUnavailable) throw new CliError(error.message, EXIT.environment);
    throw error;
  }
}
