import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Compilation } from '../../sync-agent/compile/compilation.ts';
import { resourceId, type ResourceOf } from '../../sync-agent/snapshot.ts';
import type { CompileOptions } from '../commands/compile.ts';
import { compilableResources, compileForEdge, type CompilableResources } from '../compilable-resources.ts';
import { EXIT } from '../exit-codes.ts';
import { faultsOf } from '../faults.ts';
import { isReported, type Place } from '../places/place.ts';
import { withReading } from '../places/with-reading.ts';
import { renderCompilation } from './render-compilation.ts';

/** One edge, and what would be published to it. */
export interface CompiledEdge {
  readonly gateway: ResourceOf<'EdgeGateway'>;
  readonly compilation: Compilation;
  /** What is said of the resources that are reported. */
  readonly conditions: Compilation['conditions'];
}

/** What `fairlead compile` does. */
export async function runCompile(place: Place, options: CompileOptions): Promise<void> {
  const compilable = await withReading(place, compilableResources);
  const edges: CompiledEdge[] = [];
  const notes = [...compilable.notes];
  for (const gateway of compilable.gateways) {
    const { compilation, note } = await compileForEdge(compilable.resources, resourceId(gateway.metadata));
    const conditions = new Map([...compilation.conditions].filter(([key]) => isReported(place, key)));
    edges.push({ gateway, compilation, conditions });
    if (note !== undefined) notes.push(note);
  }
  if (place.type === 'Folder' && edges.some(lacksSomething))
    notes.push('what stands only in a cluster is missing here: with --context the folder lies over what that holds');
  const said = { ...compilable, notes };
  const ok = isAllRight(said, edges);
  if (options.out !== undefined) await writeSections(options.out, edges);
  console.log(
    options.json === true ? JSON.stringify(asJson(said, edges, ok), null, 2) : renderCompilation(said, edges),
  );
  process.exitCode = ok ? EXIT.ok : EXIT.rejected;
}

/** Secrets are seldom in a folder, and services never. */
function lacksSomething(edge: CompiledEdge): boolean {
  return faultsOf(edge).some(
    ({ condition: { reason } }) => reason === 'SecretNotFound' || reason === 'BackendNotFound',
  );
}

function isAllRight({ problems }: CompilableResources, edges: readonly CompiledEdge[]): boolean {
  return problems.every(({ severity }) => severity !== 'error') && edges.every((edge) => faultsOf(edge).length === 0);
}

function asJson({ problems, notes }: CompilableResources, edges: readonly CompiledEdge[], ok: boolean) {
  return {
    ok,
    edges: edges.map(({ gateway, compilation, conditions }) => ({
      edge: resourceId(gateway.metadata),
      endpoint: gateway.spec.endpoint,
      cluster: gateway.spec.clusterName,
      counts: { ...compilation.counts, secrets: compilation.secrets.length },
      sections: Object.fromEntries(
        Object.entries(compilation.sections).map(([kind, blobs]) => [
          kind,
          blobs.map(({ sha256, bytes }) => ({ sha256, bytes: bytes.length })),
        ]),
      ),
      conditions: Object.fromEntries(conditions),
    })),
    problems,
    notes,
  };
}

async function writeSections(folder: string, edges: readonly CompiledEdge[]): Promise<void> {
  for (const { gateway, compilation } of edges) {
    for (const [kind, blobs] of Object.entries(compilation.sections)) {
      const path = join(folder, gateway.metadata.namespace, gateway.metadata.name, kind);
      await mkdir(path, { recursive: true });
      const suffix = kind === 'keys' ? 'bin' : 'json';
      for (const { sha256, bytes } of blobs) await writeFile(join(path, `${sha256}.${suffix}`), bytes);
    }
  }
}
