import type { OpenSource, ResourceSource } from './source.ts';

/** A source that is read before anybody wants it, so that whoever becomes the leader need not wait for it. */
export interface WarmSource {
  readonly open: OpenSource;
  /** For one reader at a time; it ends nothing when it closes. */
  readonly source: ResourceSource;
}

/** Resolves once everything can be read. @throws {SourceUnavailable}, or the signal's reason */
export async function openWarm(source: ResourceSource, signal: AbortSignal): Promise<WarmSource> {
  let onChange = (): void => undefined;
  const open = await source.open(() => onChange(), signal);
  return {
    open,
    source: {
      open: async (listener) => {
        onChange = listener;
        return {
          ...open,
          observe: () => open.observe(),
          close: async () => {
            onChange = () => undefined;
          },
        };
      },
    },
  };
}
