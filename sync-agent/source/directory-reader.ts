import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { forEachBounded } from '../for-each-bounded.ts';
import { holdFile, uniteFiles, type HeldFile, type HeldResources } from './held-files.ts';
import { isMissing, listFiles, type ListedFile, type Listing } from './list-files.ts';
import { MAX_FILE_BYTES, parseDocuments, type ParsedFile } from './parse-documents.ts';
import type { Problem } from './source.ts';

const PARALLEL_READS = 8;

/** Reads a folder again and again, each time only the files that changed. What merely stopped being visible stays. */
export class DirectoryReader {
  readonly #root: string;
  #files = new Map<string, HeldFile & { readonly fingerprint: string }>();

  constructor(root: string) {
    this.#root = root;
  }

  /** @throws where the folder cannot be listed */
  list(): Promise<Listing> {
    return listFiles(this.#root);
  }

  async read(listing: Listing): Promise<HeldResources> {
    const before = this.#files;
    if (listing.files.length === 0 && before.size > 0)
      return this.stay(
        'holds no file of resources any more, as if it were no longer mounted. Where that is meant, start the agent again',
      );
    const files = new Map<string, HeldFile & { readonly fingerprint: string }>();
    await forEachBounded(listing.files, PARALLEL_READS, async (file) => {
      const held = await this.#readFile(file, before.get(file.path));
      if (held) files.set(file.path, held);
    });
    const hidden = [...listing.unreadable].map(([path, reason]): Problem => {
      for (const [known, held] of before) if (known === path || known.startsWith(`${path}/`)) files.set(known, held);
      return fileProblem(path, `cannot be read (${reason}): what it said before stays`);
    });
    this.#files = new Map([...files].toSorted(([a], [b]) => (a < b ? -1 : 1)));
    const { resources, problems } = uniteFiles(this.#files.values());
    return { resources, problems: [...hidden, ...problems] };
  }

  /** Everything as it was, with a problem of the folder itself. */
  stay(why: string): HeldResources {
    const { resources, problems } = uniteFiles(this.#files.values());
    const count = resources.size === 1 ? 'its one resource stays' : `its ${resources.size} resources stay`;
    return { resources, problems: [fileProblem('.', `the folder ${this.#root} ${why}; ${count}`), ...problems] };
  }

  async #readFile(
    { path, fingerprint, bytes }: ListedFile,
    before: (HeldFile & { readonly fingerprint: string }) | undefined,
  ): Promise<(HeldFile & { readonly fingerprint: string }) | undefined> {
    if (before?.fingerprint === fingerprint) return before;
    try {
      const parsed = bytes > MAX_FILE_BYTES ? tooLarge(path, bytes) : await this.#parse(path, before);
      return { ...holdFile(parsed, before), fingerprint };
    } catch (error) {
      if (isMissing(error)) return undefined;
      const reason = error instanceof Error ? error.message : String(error);
      // No fingerprint: it is tried again at every look.
      return { ...holdFile(faulty(fileProblem(path, `cannot be read (${reason})`)), before), fingerprint: '' };
    }
  }

  async #parse(path: string, before: HeldFile | undefined): Promise<ParsedFile> {
    const content = await readFile(join(this.#root, path));
    let text: string;
    try {
      text = new TextDecoder('utf-8', { fatal: true }).decode(content);
    } catch {
      return faulty(fileProblem(path, 'is not UTF-8'));
    }
    // An editor truncates before it writes. Somebody who means it deletes the file.
    if (text.trim() === '' && before !== undefined && before.valid.length + before.kept.length > 0)
      return faulty(fileProblem(path, 'is empty: delete the file to delete its resources'));
    return parseDocuments(path, text);
  }
}

function tooLarge(path: string, bytes: number): ParsedFile {
  const size = `${(bytes / 1024 / 1024).toFixed(1)} MB`;
  return faulty(fileProblem(path, `has ${size}, and a file of resources may have 1 MB: split it`));
}

function faulty(problem: Problem): ParsedFile {
  return { resources: [], problems: [problem], unread: [] };
}

function fileProblem(file: string, sentence: string): Problem {
  return { severity: 'error', file, line: 1, column: 1, sentence };
}
