import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { generatedFiles } from '../../crds/generated-files.ts';
import { kinds } from '../../crds/kinds.ts';

const root = path.resolve(import.meta.dirname, '../..');
const read = (file: string) => readFile(path.join(root, file), 'utf8');

test('the manifests and pages are those of the schemas; if not, run npm run generate', async () => {
  const wanted = await generatedFiles(read);

  const present = await Promise.all([...wanted.keys()].map(async (file) => [file, await read(file)] as const));

  expect(Object.fromEntries(present)).toEqual(Object.fromEntries(wanted));
  expect(await readdir(path.join(root, 'crds/manifests'))).toHaveLength(Object.keys(kinds).length);
  expect(await readdir(path.join(root, 'docs/resources'))).toHaveLength(Object.keys(kinds).length + 1);
});

test.each(Object.values(kinds))('kubectl knows $kind by its category, a short name and columns', async (definition) => {
  const manifest: unknown = parse(await read(`crds/manifests/fairlead.dev_${definition.plural}.yaml`));

  expect(manifest).toMatchObject({
    metadata: { name: `${definition.plural}.fairlead.dev` },
    spec: {
      scope: 'Namespaced',
      names: { categories: ['fairlead'], shortNames: expect.arrayContaining([expect.any(String)]) },
      versions: [
        {
          subresources: { status: {} },
          additionalPrinterColumns: expect.arrayContaining([
            expect.objectContaining({ name: 'Programmed' }),
            expect.objectContaining({ name: 'Age' }),
          ]),
        },
      ],
    },
  });
});

test('no two kinds share a name', () => {
  const names = Object.values(kinds).flatMap(({ plural, singular, shortNames }) => [plural, singular, ...shortNames]);

  expect(new Set(names).size).toBe(names.length);
});
