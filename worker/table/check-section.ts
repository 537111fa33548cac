import * as z from 'zod';
import { unknownFeatures } from '../../contract/features.ts';
import { consumerEntry, modelEntry, routeEntry, sectionSchemas, type JsonKind } from '../../contract/routing-table.ts';

/**
 * What the hub must be able to read of an entry that requires features which this build does not know: what it claims,
 * because authority is checked whatever else it says. Isolates of this build refuse such an entry.
 */
const coreSchemas = {
  routes: z.record(
    sectionSchemas.routes.keyType,
    routeEntry.pick({ hostnames: true, pathPrefix: true, headers: true, models: true }),
  ),
  models: z.record(sectionSchemas.models.keyType, modelEntry.pick({ modelName: true, aliases: true })),
  consumers: z.record(sectionSchemas.consumers.keyType, consumerEntry.pick({ id: true, key: true })),
  providers: z.record(sectionSchemas.providers.keyType, z.looseObject({})),
  secrets: z.record(sectionSchemas.secrets.keyType, z.looseObject({})),
} satisfies Record<JsonKind, z.ZodType>;

export type CoreRoutes = z.infer<typeof coreSchemas.routes>;
export type CoreModels = z.infer<typeof coreSchemas.models>;

const requiring = z.object({ requires: z.array(z.string()) });

/** What speaks against a section's bucket, or undefined. */
export function sectionFault(kind: JsonKind, json: unknown): string | undefined {
  const strange = typeof json === 'object' && json !== null ? entriesBeyondThisBuild(json) : [];
  if (strange.length === 0) return schemaFault(sectionSchemas[kind], json);
  const beyond = new Set(strange.map(([id]) => id));
  const others = Object.entries(json ?? {}).filter(([id]) => !beyond.has(id));
  return (
    schemaFault(coreSchemas[kind], Object.fromEntries(strange)) ??
    schemaFault(sectionSchemas[kind], Object.fromEntries(others))
  );
}

function entriesBeyondThisBuild(json: object): [string, unknown][] {
  return Object.entries(json).filter(([, entry]) => {
    const { data } = requiring.safeParse(entry);
    return data !== undefined && unknownFeatures(data).length > 0;
  });
}

function schemaFault(schema: z.ZodType, json: unknown): string | undefined {
  const { error } = schema.safeParse(json);
  return error && z.prettifyError(error).slice(0, 500);
}

/** The value itself is read on, as isolates will read it, and not zod's copy: that leaves out a member `__proto__`. */
export function areRoutes(json: unknown): json is CoreRoutes {
  return coreSchemas.routes.safeParse(json).success;
}

export function areModels(json: unknown): json is CoreModels {
  return coreSchemas.models.safeParse(json).success;
}
