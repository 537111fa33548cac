import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readProjectFile } from '../../crds/write-generated.ts';
import { isApiServerMissing } from '../envtest/programs.ts';
import { startApiServer, type ApiServer } from '../support/api-server.ts';
import { generatedFiles } from './generated-files.ts';

describe.skipIf(isApiServerMissing())('what Helm and an API server make', () => {
  let server: ApiServer;

  beforeAll(async () => {
    server = await startApiServer();
    await server.kubectl(['apply', '--server-side', '-f', 'crds/manifests']);
    await server.kubectl(['wait', '--for=condition=Established', '--timeout=30s', '-f', 'crds/manifests']);
  });
  afterAll(() => server?.stop());

  test('is what is checked in; if not, run npm run generate:cluster', async () => {
    const wanted = await generatedFiles(server);

    const present = await Promise.all(
      [...wanted.keys()].map(async (file) => [file, await readProjectFile(file)] as const),
    );
    expect(Object.fromEntries(present)).toEqual(Object.fromEntries(wanted));
  });
});
