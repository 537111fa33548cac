import type { Compilation } from '../../sync-agent/compile/compilation.ts';
import { createCompiler, type Compiler } from '../../sync-agent/compile/compile.ts';
import { forEachBounded } from '../../sync-agent/for-each-bounded.ts';
import {
  edgeSighting,
  PARALLEL_LOOKS,
  type EdgeSighting,
  type Sighting,
  type SightingWanted,
} from '../../sync-agent/inference/sighting.ts';
import type { Resource, ResourceId } from '../../sync-agent/snapshot.ts';

/** What is seen of one service decides about others, which are then looked at in turn; not without end. */
const ROUNDS = 3;

/**
 * Compiles as the agent does: what the edge sees of the inference services that it would be led to counts, not what
 * their specifications say.
 *
 * @param compiler of an edge, new
 */
export async function compileAsSeen(
  compiler: Compiler,
  resources: readonly Resource[],
  look: (wanted: SightingWanted) => Promise<Sighting>,
): Promise<Compilation> {
  compiler.apply(resources.map((resource) => ({ type: 'Set', resource })));
  const seen = new Map<string, EdgeSighting>();
  let compilation = compiler.compile();
  for (let round = 0; round < ROUNDS; round++) {
    const wanted = [...compilation.sightings.values()].filter(({ id, digest }) => seen.get(id)?.digest !== digest);
    if (wanted.length === 0) break;
    await forEachBounded(wanted, PARALLEL_LOOKS, async (one) => {
      seen.set(one.id, edgeSighting(one, await look(one)));
    });
    compiler.apply([...seen.values()].map((resource) => ({ type: 'Set', resource })));
    compilation = compiler.compile();
  }
  return compilation;
}

/** Where the edge is not asked, the specifications of the services count. @param edge an EdgeGateway's id */
export function compileUnseen(resources: readonly Resource[], edge: ResourceId): Promise<Compilation> {
  return compileAsSeen(createCompiler(edge), resources, async () => ({ type: 'Unasked' }));
}
