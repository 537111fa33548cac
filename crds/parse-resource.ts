import type { z } from 'zod';
import { closestName } from './closest-name.ts';
import { apiVersion, group } from './group.ts';
import { issuesOf, sentenceOf, type Issue } from './issues.ts';
import { isKind, kinds, type Kind, type ResourceOf } from './kinds.ts';
import { gatewayApiGroup, referenceGrant, type ReferenceGrant } from './reference-grant.ts';
import { secret, type Secret } from './secret.ts';

/** Everything that the agent reads, told apart by `kind`. */
export type Resource = { [Name in Kind]: ResourceOf<Name> }[Kind] | Secret | ReferenceGrant;

export type ParsedResource =
  | { outcome: 'resource'; resource: Resource }
  | { outcome: 'invalid'; issues: readonly Issue[] }
  /** An object of a group or kind that the agent has no use for, such as a Namespace or a Deployment. */
  | { outcome: 'unread'; apiVersion: string; kind: string };

/** Checks an object as the API server would, with its defaults filled in. Unknown fields are refused. */
export function parseResource(object: unknown): ParsedResource {
  const header = headerOf(object);
  if ('issues' in header) return { outcome: 'invalid', issues: header.issues };
  const schema = schemaOf(header);
  if (schema === undefined) return { outcome: 'unread', ...header };
  if ('issues' in schema) return { outcome: 'invalid', issues: schema.issues };
  const parsed = schema.schema.safeParse(object, { error: sentenceOf, reportInput: true });
  return parsed.success
    ? { outcome: 'resource', resource: parsed.data }
    : { outcome: 'invalid', issues: issuesOf(parsed.error) };
}

interface Header {
  apiVersion: string;
  kind: string;
}

function headerOf(object: unknown): Header | { issues: Issue[] } {
  if (typeof object !== 'object' || object === null || Array.isArray(object)) {
    return { issues: [{ path: [], sentence: 'must be a resource, with apiVersion, kind, metadata and spec' }] };
  }
  const found: Partial<Record<string, unknown>> = { ...object };
  const issues: Issue[] = [];
  for (const field of ['apiVersion', 'kind'] as const) {
    const value = found[field];
    if (typeof value !== 'string' || value === '') issues.push({ path: [field], sentence: 'is required' });
  }
  if (issues.length > 0) return { issues };
  return { apiVersion: String(found['apiVersion']), kind: String(found['kind']) };
}

type Found = { schema: z.ZodType<Resource> } | { issues: Issue[] } | undefined;

function schemaOf(header: Header): Found {
  const slash = header.apiVersion.indexOf('/');
  const groupOfObject = slash < 0 ? '' : header.apiVersion.slice(0, slash);
  if (groupOfObject === '' && header.kind === 'Secret') return { schema: secret };
  if (groupOfObject === gatewayApiGroup && header.kind === 'ReferenceGrant') return { schema: referenceGrant };
  if (groupOfObject !== group) return undefined;
  if (isKind(header.kind)) return { schema: kinds[header.kind].schema };
  const meant = closestName(header.kind, Object.keys(kinds));
  const hint =
    meant === undefined ? `kinds of ${apiVersion} are ${Object.keys(kinds).join(', ')}` : `did you mean ${meant}?`;
  return { issues: [{ path: ['kind'], sentence: `unknown kind ${header.kind}; ${hint}` }] };
}
