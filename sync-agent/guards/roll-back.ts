import { z } from 'zod';
import { canonicalJson, type Json } from '../../contract/canonical-json.ts';
import type { Blob, Compilation, SecretToSeal, UsableProvider } from '../compile/compilation.ts';
import { Section } from '../compile/section.ts';
import type { ResourceId } from '../snapshot.ts';
import type { OldTable } from './old-table.ts';

/** An old table with the credentials of now. */
export interface RolledBack {
  readonly sections: Compilation['sections'];
  /** Those of now, which are still to be sealed. */
  readonly secrets: readonly SecretToSeal[];
  /** Entries of the old section `secrets` in whose place there is nothing now, by id. */
  readonly kept: ReadonlyMap<string, Json>;
}

/** What of an entry names secrets, and where these go; everything else of it stays as it is. */
const credential = z.object({ type: z.string(), id: z.string().optional() }).catchall(z.json());
const providerSlots = z
  .object({
    baseURL: z.url(),
    binding: z.string().optional(),
    auth: z.object({ credential }).catchall(z.json()).optional(),
    headers: z.array(credential.extend({ name: z.string() })),
  })
  .catchall(z.json());
const bucket = z.record(z.string(), z.json());

/**
 * Takes an old table back up. Keys that were rotated since are gone at the provider, or must be: wherever a provider
 * still exists and its key of now may be sent to where the old entry sends it, that is the one that is used.
 *
 * | the old entry's credential (`auth`, or a header by name) | then                                      |
 * |----------------------------------------------------------|-------------------------------------------|
 * | is sealed, and the provider of now has a sealed one there, for the same destination | the one of now |
 * | is sealed, and there is none now, or it may not be sent there | the old one, sealed as it was        |
 * | is a secret of the worker, or a value in the clear       | as it was                                 |
 */
export function rollBack(old: OldTable, current: ReadonlyMap<ResourceId, UsableProvider>): RolledBack {
  const secrets = new Map<string, SecretToSeal>();
  const keptIds = new Set<string>();
  let isSame = true;
  const providers = [...entriesIn(old.blobs.providers)].map(([id, raw]) => {
    const entry = providerSlots.parse(raw);
    const provider = current.get(id);
    const mended = mendCredentials(entry, provider, (oldId, now) => {
      if (now) secrets.set(now.id, now);
      else keptIds.add(oldId);
      if (now && now.id !== oldId) isSame = false;
      return now?.id ?? oldId;
    });
    return { id, json: canonicalJson(mended) };
  });
  const { secrets: oldSecrets, ...sections } = old.blobs;
  const kept = new Map([...entriesIn(oldSecrets)].filter(([id]) => keptIds.has(id)));
  return {
    // As they were, byte by byte, where nothing in them is to change: whoever wrote them may have divided otherwise.
    sections: isSame ? sections : { ...sections, providers: sectionOf('providers', providers) },
    secrets: [...secrets.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    kept,
  };
}

/** The section `secrets` of an old table that was taken back up. */
export function unitedSecrets(sealed: readonly Blob[], kept: RolledBack['kept']): readonly Blob[] {
  if (kept.size === 0) return sealed;
  const entries = [...kept, ...entriesIn(sealed)];
  return sectionOf(
    'secrets',
    entries.map(([id, entry]) => ({ id, json: canonicalJson(entry) })),
  );
}

type ProviderSlots = z.infer<typeof providerSlots>;

/** @param choose the id to name in a slot, from the one that stands there and the secret of now, if any */
function mendCredentials(
  entry: ProviderSlots,
  provider: UsableProvider | undefined,
  choose: (oldId: string, now: SecretToSeal | undefined) => string,
): Json {
  const destination = entry.binding === undefined ? new URL(entry.baseURL).origin : `binding:${entry.binding}`;
  const now = (id: string | undefined) =>
    provider?.secrets.find((secret) => secret.id === id && secret.origins.includes(destination));
  const current = provider?.entry;
  const { auth, headers } = entry;
  const currentAuth = current?.auth?.credential;
  const authId = currentAuth?.type === 'Sealed' ? currentAuth.id : undefined;
  return {
    ...entry,
    ...(auth && { auth: { ...auth, credential: mended(auth.credential, authId) } }),
    headers: headers.map((header) => {
      const other = current?.headers.find(({ name }) => name === header.name);
      return mended(header, other?.type === 'Sealed' ? other.id : undefined);
    }),
  };

  function mended(slot: z.infer<typeof credential>, id: string | undefined): Json {
    return slot.type === 'Sealed' && slot.id !== undefined ? { ...slot, id: choose(slot.id, now(id)) } : slot;
  }
}

function sectionOf(
  kind: 'providers' | 'secrets',
  entries: readonly { readonly id: string; readonly json: string }[],
): readonly Blob[] {
  const section = new Section(kind);
  for (const entry of entries) section.put(entry);
  return section.blobs();
}

/** The entries of buckets that were signed once, or sealed by us. */
function entriesIn(blobs: readonly Blob[]): Map<string, Json> {
  return new Map(
    blobs.flatMap(({ bytes }) => Object.entries(bucket.parse(JSON.parse(new TextDecoder().decode(bytes))))),
  );
}
