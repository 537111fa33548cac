import { stringify } from 'yaml';
import { group } from './group.ts';
import { kinds } from './kinds.ts';
import { fileNameOf } from './kind-definition.ts';
import { manifestOf } from './manifest.ts';
import { resourceIndex } from './pages/resource-index.ts';
import { resourcePage } from './pages/resource-page.ts';

const notice = '# Generated from crds/*.ts by `npm run generate`. Do not edit.\n';

/** The example of each kind is a file of the corpus that the tests hold to be valid. */
export function examplePath(kind: string): string {
  return `test/crds/valid/${fileNameOf(kind)}.yaml`;
}

/** Every generated file with its content, by its path from the root. */
export async function generatedFiles(read: (file: string) => Promise<string>): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const definition of Object.values(kinds)) {
    const manifest = stringify(manifestOf(definition), { lineWidth: 0, aliasDuplicateObjects: false });
    files.set(`crds/manifests/${group}_${definition.plural}.yaml`, notice + manifest);
    const example = await read(examplePath(definition.kind));
    files.set(`docs/resources/${fileNameOf(definition.kind)}.md`, resourcePage(definition, example));
  }
  files.set('docs/resources/README.md', resourceIndex(Object.values(kinds)));
  return files;
}
