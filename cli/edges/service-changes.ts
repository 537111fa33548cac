import { INFERENCE_KINDS } from '../../sync-agent/inference/inference-service.ts';
import type { ResourceKey } from '../../sync-agent/snapshot.ts';
import type { ResourceChange } from './entry-changes.ts';

/**
 * What was compiled from an inference service, as provider, model or route, told as the service: nobody wrote a resource
 * of the entry's name. All changes of one service are one.
 */
export function servicesNamed(changes: readonly ResourceChange[]): ResourceChange[] {
  const named = changes.map((change) => ({ ...change, resource: serviceOf(change.resource) ?? change.resource }));
  return [...Map.groupBy(named, ({ resource }) => resource).values()]
    .map(united)
    .toSorted((a, b) => (a.resource < b.resource ? -1 : 1));
}

/** @param key `LLMProvider/team/llama..inferenceservice-0a1b2c3d`: two dots in a row stand in no name of an object */
function serviceOf(key: ResourceKey): ResourceKey | undefined {
  const [, id, kindOfId] = /^[^/]+\/(.+)\.\.([a-z]+)-[0-9a-f]+$/.exec(key) ?? [];
  const kind = INFERENCE_KINDS.find((candidate) => candidate.toLowerCase() === kindOfId);
  return kind === undefined || id === undefined ? undefined : `${kind}/${id}`;
}

function united([first, ...more]: ResourceChange[]): ResourceChange {
  if (!first) throw new TypeError('a group has members');
  if (more.length === 0) return first;
  const how = more.every((change) => change.how === first.how) ? first.how : 'changed';
  return { resource: first.resource, how, fields: [first, ...more].flatMap(({ fields }) => fields) };
}
