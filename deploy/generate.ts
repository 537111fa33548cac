import { readProjectFile, writeGenerated } from '../crds/write-generated.ts';
import { CRD_FOLDERS } from './crd-copies.ts';
import { generatedFiles } from './generated-files.ts';

/** Writes what of the deployment is made from something else, as far as that needs no Helm. */
await writeGenerated(await generatedFiles(readProjectFile), CRD_FOLDERS);
