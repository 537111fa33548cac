import { writeGenerated } from '../../crds/write-generated.ts';
import { generatedFiles } from './generated-files.ts';

/** `npm run generate:cluster`: writes what `npm run generate` cannot, for it takes what `npm run envtest:install` builds. */
await writeGenerated(await generatedFiles(), []);
