import type { Resource as WrittenResource } from '../../crds/parse-resource.ts';
import type { Resource } from '../../sync-agent/snapshot.ts';

/** Those that people write; a folder holds no others. */
export function writtenResources(resources: readonly Resource[]): WrittenResource[] {
  return resources.filter(isWritten);
}

function isWritten(resource: Resource): resource is WrittenResource {
  return 'spec' in resource || resource.kind === 'Secret';
}
