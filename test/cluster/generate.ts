import { writeGenerated } from '../../crds/write-generated.ts';
import { startApiServer } from '../support/api-server.ts';
import { generatedFiles } from './generated-files.ts';

/** `npm run generate:cluster`: writes what `npm run generate` cannot, for it takes what `npm run envtest:install` builds. */
const server = await startApiServer();
try {
  await server.kubectl(['apply', '--server-side', '-f', 'crds/manifests']);
  await server.kubectl(['wait', '--for=condition=Established', '--timeout=30s', '-f', 'crds/manifests']);
  await writeGenerated(await generatedFiles(server), []);
} finally {
  await server.stop();
}
