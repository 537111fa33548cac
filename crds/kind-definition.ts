import { z } from 'zod';
import { conditionTypes, type ConditionReason, type ConditionType } from './conditions.ts';
import { apiVersion } from './group.ts';
import { objectMeta } from './object-meta.ts';

export interface PrinterColumn {
  name: string;
  type: 'string' | 'integer' | 'boolean' | 'date';
  jsonPath: string;
  description: string;
  /** Shown by `kubectl get -o wide` only. */
  wide?: true;
}

export interface KindDefinition<Kind extends string = string, Schema extends z.ZodType = z.ZodType> {
  kind: Kind;
  plural: string;
  singular: string;
  shortNames: readonly string[];
  /** One sentence for the index, and the description of the whole kind. */
  summary: string;
  description: string;
  columns: readonly PrinterColumn[];
  /** The reasons that can stand in the conditions of this kind. */
  conditions: Readonly<Record<ConditionType, readonly ConditionReason[]>>;
  /** Of the whole object. */
  schema: Schema;
  spec: z.ZodType;
  status: z.ZodType;
}

export function objectOf<const Kind extends string, Spec extends z.ZodType, Status extends z.ZodType>(
  kind: Kind,
  parts: { spec: Spec; status: Status },
) {
  return z.strictObject({
    apiVersion: z.literal(apiVersion),
    kind: z.literal(kind),
    metadata: objectMeta,
    spec: parts.spec,
    status: parts.status.optional(),
  });
}

/** `edge-gateway` for EdgeGateway: the name of everything in a file of its own that is about one kind. */
export function fileNameOf(kind: string): string {
  return kind.replaceAll(/(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, '-').toLowerCase();
}

export const age: PrinterColumn = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'How long ago the resource was created.',
};

export function conditionColumn(type: ConditionType): PrinterColumn {
  return {
    name: type,
    type: 'string',
    jsonPath: `.status.conditions[?(@.type=="${type}")].status`,
    description: conditionTypes[type].description,
  };
}

export const reasonColumn: PrinterColumn = {
  name: 'Reason',
  type: 'string',
  // The API server shows the first that it finds: what the later conditions follow from stands before them.
  jsonPath: '.status.conditions[?(@.status!="True")].reason',
  description: 'Why the first condition that is not True is not; empty where all are.',
};
