import { describe, expect, test } from 'vitest';
import { readProjectFile } from '../../crds/write-generated.ts';
import { isApiServerMissing } from '../envtest/programs.ts';
import { generatedFiles } from './generated-files.ts';

describe.skipIf(isApiServerMissing())('what Helm, an API server and the agent make', () => {
  test('is what is checked in; if not, run npm run generate:cluster', async () => {
    const wanted = await generatedFiles();

    const present = await Promise.all(
      [...wanted.keys()].map(async (file) => [file, await readProjectFile(file)] as const),
    );
    expect(Object.fromEntries(present)).toEqual(Object.fromEntries(wanted));
  });
});
