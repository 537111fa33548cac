import { parseAllDocuments } from 'yaml';
import { parseResource, type Resource } from '../../crds/parse-resource.ts';

/** Resources out of YAML that a test knows to be valid. */
export function readResources(...texts: readonly string[]): Resource[] {
  return texts.flatMap((text) =>
    parseAllDocuments(text).map((document) => {
      const parsed = parseResource(document.toJS());
      if (parsed.outcome !== 'resource') throw new Error(`not a valid resource: ${JSON.stringify(parsed)}\n${text}`);
      return parsed.resource;
    }),
  );
}
