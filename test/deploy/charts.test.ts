import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { readProjectFile } from '../../crds/write-generated.ts';
import { chartValues } from '../../deploy/chart-values.ts';
import { generatedFiles } from '../../deploy/generated-files.ts';
import { rights } from '../../deploy/rights-page.ts';
import { kinds } from '../../crds/kinds.ts';

test('the generated parts of the charts and their pages are up to date; if not, run npm run generate', async () => {
  const wanted = await generatedFiles(readProjectFile);

  const present = await Promise.all(
    [...wanted.keys()].map(async (file) => [file, await readProjectFile(file)] as const),
  );

  expect(Object.fromEntries(present)).toEqual(Object.fromEntries(wanted));
});

test('values.yaml says what holds where a value is left out', async () => {
  expect(chartValues.parse(parse(await readProjectFile('deploy/charts/fairlead/values.yaml')))).toEqual(
    chartValues.parse({}),
  );
});

test.each(['fairlead', 'fairlead-crds'])('the chart %s is of the version of the project', async (chart) => {
  const { version } = z.object({ version: z.string() }).parse(JSON.parse(await readProjectFile('package.json')));

  expect(parse(await readProjectFile(`deploy/charts/${chart}/Chart.yaml`))).toMatchObject({
    version,
    appVersion: version,
  });
});

test('the agent may read every kind and write the status of each, and no kind is missing from the roles of people', async () => {
  const { reader, reporter, viewer, editor, edgeOperator, cluster } = rights.parse(
    parse(await readProjectFile('deploy/charts/fairlead/files/rights.yaml')),
  );
  const ours = (rules: typeof reader) =>
    rules.flatMap(({ apiGroups = [], resources = [] }) => (apiGroups.includes('fairlead.dev') ? resources : [])).sort();
  const plurals = Object.values(kinds)
    .map(({ plural }) => plural)
    .sort();

  expect(ours(reader)).toEqual(plurals);
  expect(ours(reporter).filter((resource) => resource.endsWith('/status'))).toEqual(
    plurals.map((plural) => `${plural}/status`),
  );
  expect(ours(viewer)).toEqual(plurals);
  expect([...ours(editor), ...ours(edgeOperator)].sort()).toEqual(plurals);
  expect(cluster.flatMap(({ resourceNames = [] }) => resourceNames)).toEqual(
    plurals.map((plural) => `${plural}.fairlead.dev`),
  );
});
