import { parse } from 'yaml';
import { z } from 'zod';
import { kinds } from '../crds/kinds.ts';
import { group } from '../crds/group.ts';
import { chartValues } from './chart-values.ts';
import { crdCopies } from './crd-copies.ts';
import { rights, rightsPage } from './rights-page.ts';
import { valuesFile } from './values-file.ts';
import { valuesPage } from './values-page.ts';

/** Every generated file with its content, by its path from the root. @param read gives a file of that path */
export async function generatedFiles(read: (file: string) => Promise<string>): Promise<Map<string, string>> {
  const names = Object.values(kinds).map(({ plural }) => `${group}_${plural}.yaml`);
  const manifests = await Promise.all(names.map(async (name) => [name, await read(`crds/manifests/${name}`)] as const));
  const files = crdCopies(new Map(manifests));
  const schema = z.toJSONSchema(chartValues, { target: 'draft-7', io: 'input' });
  files.set('deploy/charts/fairlead/values.schema.json', `${JSON.stringify(schema, null, 2)}\n`);
  files.set('deploy/charts/fairlead/values.yaml', valuesFile(schema));
  files.set('docs/helm-values.md', valuesPage(schema));
  const rules = rights.parse(parse(await read('deploy/charts/fairlead/files/rights.yaml')));
  files.set('docs/rbac.md', rightsPage(rules));
  return files;
}
