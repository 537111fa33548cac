import { z } from 'zod';
import type { Json } from '../../../contract/canonical-json.ts';
import { group } from '../../../crds/group.ts';
import { generation, type Generation } from '../../../contract/routing-table.ts';
import { resourceId, type ResourceId } from '../../snapshot.ts';

/** What stands in `status.parents[].controllerName`, and reports Events. */
export const CONTROLLER_NAME = `${group}/sync-agent`;

/** A condition as the API server stores it, whoever wrote it. */
export interface StatusCondition {
  readonly type: string;
  readonly status: string;
  readonly observedGeneration?: number | undefined;
  /** RFC 3339. */
  readonly lastTransitionTime: string;
  readonly reason: string;
  readonly message: string;
}

export interface StatusParent {
  readonly parentRef: {
    readonly group: string;
    readonly kind: string;
    readonly namespace: string;
    readonly name: string;
  };
  readonly controllerName: string;
  readonly conditions: readonly StatusCondition[];
}

/** What a `status` says that the agent reads back: nothing of it is remembered anywhere else. */
export interface StoredStatus {
  readonly conditions: readonly StatusCondition[];
  readonly parents: readonly StatusParent[];
  /** All else. */
  readonly fields: Readonly<Record<string, Json>>;
}

const storedConditions = z
  .array(
    z.object({
      type: z.string(),
      status: z.string(),
      observedGeneration: z.number().optional(),
      lastTransitionTime: z.string(),
      reason: z.string(),
      message: z.string(),
    }),
  )
  .catch([]);

const storedStatus = z
  .object({
    conditions: storedConditions,
    parents: z
      .array(
        z.object({
          parentRef: z.object({
            group: z.string().default(''),
            kind: z.string().default(''),
            namespace: z.string().default(''),
            name: z.string(),
          }),
          controllerName: z.string(),
          conditions: storedConditions,
        }),
      )
      .catch([]),
  })
  .catchall(z.json());

/** What cannot be read counts as not there: it is written anew. */
export function readStoredStatus(status: unknown): StoredStatus {
  const parsed = storedStatus.safeParse(status ?? {});
  if (!parsed.success) return { conditions: [], parents: [], fields: {} };
  const { conditions, parents, ...fields } = parsed.data;
  return { conditions, parents, fields };
}

/** What agents have said of a resource on one edge. */
export function ownParent({ parents }: StoredStatus, edge: ResourceId): StatusParent | undefined {
  return parents.find((parent) => isOwn(parent) && resourceId(parent.parentRef) === edge);
}

export function isOwn({ controllerName }: StatusParent): boolean {
  return controllerName === CONTROLLER_NAME;
}

const publishedStatus = z.object({ published: z.object({ generation }) });

/** The highest generation that an EdgeGateway's status knows: a new leader's claim goes above it. */
export function publishedGeneration(status: unknown): Generation | null {
  const parsed = publishedStatus.safeParse(status);
  return parsed.success ? parsed.data.published.generation : null;
}
