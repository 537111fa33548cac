import { group, version } from './group.ts';
import type { KindDefinition, PrinterColumn } from './kind-definition.ts';
import { structuralSchema, type StructuralSchema } from './structural-schema.ts';

/** The CustomResourceDefinition of a kind, as a plain object. */
export function manifestOf(definition: KindDefinition) {
  const { kind, plural, singular, shortNames } = definition;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, listKind: `${kind}List`, plural, singular, shortNames, categories: ['fairlead'] },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: definition.columns.map(columnOf),
          schema: { openAPIV3Schema: wholeSchema(definition) },
        },
      ],
    },
  };
}

function columnOf({ name, type, jsonPath, description, wide }: PrinterColumn) {
  return { name, type, jsonPath, description, ...(wide === true ? { priority: 1 } : {}) };
}

function wholeSchema({ kind, description, spec, status }: KindDefinition): StructuralSchema {
  return {
    type: 'object',
    description,
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string', description: 'Group and version of the schema of this object.' },
      kind: { type: 'string', description: `Kind of this object: ${kind}.` },
      metadata: { type: 'object' },
      spec: { ...structuralSchema(spec), description: 'What is wanted.' },
      status: { ...structuralSchema(status), description: 'What is so. Written by the agent.' },
    },
  };
}
