import { unknownFeatures } from '../../contract/features.ts';

/** Why an entry cannot be served, for the operator: it demands more than this worker does. */
export function requirement(
  what: string,
  id: string,
  entry: { readonly requires?: readonly string[] | undefined },
): string | undefined {
  const unknown = unknownFeatures(entry);
  if (unknown.length === 0) return undefined;
  return `the ${what} ${id} requires ${unknown.join(', ')}, which this worker does not know: deploy the worker of the release that the agent is of`;
}

/** For the caller, who learns nothing of the resources. */
export function tooOld(what: string): string {
  return `This gateway's worker is older than ${what} needs. Its operator has to deploy a newer one: the log says for what.`;
}
