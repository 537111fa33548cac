import { z } from 'zod';
import type { ApiServer } from './api-server.ts';
import { eventually } from './eventually.ts';
import type { SignedCalls } from './signed-calls.ts';

const KINDS = 'edgegateways,gatewayroutes,aimodels,llmproviders,consumers';

const generation = z.object({ term: z.number(), sequence: z.number() });
const told = z.object({ revision: z.string(), generation });
const list = z.object({
  items: z.array(
    z.object({
      kind: z.string(),
      metadata: z.object({ name: z.string(), generation: z.number() }),
      status: z
        .object({
          conditions: z
            .array(z.object({ type: z.string(), status: z.string(), observedGeneration: z.number().optional() }))
            .default([]),
          published: told.optional(),
          served: told.optional(),
          lastError: z.unknown().optional(),
        })
        .default({ conditions: [] }),
    }),
  ),
});

/** Waits until `status` of every resource says what is so: of what stands there now, and of what the hub holds. */
export async function trueStatus(api: ApiServer, edge: SignedCalls): Promise<void> {
  let wrong: readonly string[] = [];
  try {
    await eventually('status is true', async () => {
      const { items } = list.parse(JSON.parse(await api.kubectl(['get', KINDS, '-A', '-o', 'json'])));
      const { current } = await edge.state();
      wrong = items.flatMap(({ kind, metadata, status: { conditions, published, served, lastError } }) => {
        const isTrue = conditions.some(
          ({ type, status, observedGeneration }) =>
            type === 'Programmed' && status === 'True' && observedGeneration === metadata.generation,
        );
        const said = kind === 'EdgeGateway' ? [published?.revision, served?.revision] : [current?.revision];
        const isCurrent = said.every((revision) => revision !== undefined && revision === current?.revision);
        return isTrue && isCurrent && lastError === undefined ? [] : [`${kind}/${metadata.name}`];
      });
      return wrong.length === 0;
    });
  } catch (error) {
    const all = wrong.length > 0 ? await api.kubectl(['get', KINDS, '-A', '-o', 'yaml']) : '';
    throw new Error(`not true of ${wrong.join(', ')}\n${all}`, { cause: error });
  }
}
