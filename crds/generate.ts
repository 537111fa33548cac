import { generatedFiles } from './generated-files.ts';
import { readProjectFile, writeGenerated } from './write-generated.ts';

/** Writes what is generated from the schemas: the CRD manifests and the pages on the resources. */
await writeGenerated(await generatedFiles(readProjectFile), ['crds/manifests', 'docs/resources']);
