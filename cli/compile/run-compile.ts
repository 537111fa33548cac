import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Compilation } from '../../sync-agent/compile/compilation.ts';
import { compile } from '../../sync-agent/compile/compile.ts';
import { resourceId, type ResourceOf } from '../../sync-agent/snapshot.ts';
import type { CompileOptions } from '../commands/compile.ts';
import { EXIT } from '../exit-codes.ts';
import { faultsOf } from '../faults.ts';
import { readFolder, type Folder } from '../folder.ts';
import { renderCompilation } from './render-compilation.ts';

/** One edge of the folder, and what would be published to it. */
export interface CompiledEdge {
  readonly gateway: ResourceOf<'EdgeGateway'>;
  readonly compilation: Compilation;
}

/** What `fairlead compile` does. */
export async function runCompile(dir: string, options: CompileOptions): Promise<void> {
  const folder = await readFolder(dir);
  const edges = folder.gateways.map((gateway) => ({
    gateway,
    compilation: compile(folder.resources, resourceId(gateway.metadata)),
  }));
  const ok = isAllRight(folder, edges);
  if (options.out !== undefined) await writeSections(options.out, edges);
  console.log(
    options.json === true ? JSON.stringify(asJson(folder, edges, ok), null, 2) : renderCompilation(folder, edges),
  );
  process.exitCode = ok ? EXIT.ok : EXIT.rejected;
}

function isAllRight({ problems }: Folder, edges: readonly CompiledEdge[]): boolean {
  return (
    problems.every(({ severity }) => severity !== 'error') &&
    edges.every(({ compilation }) => faultsOf(compilation).length === 0)
  );
}

function asJson({ problems, additions }: Folder, edges: readonly CompiledEdge[], ok: boolean) {
  return {
    ok,
    edges: edges.map(({ gateway, compilation }) => ({
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
      conditions: Object.fromEntries(compilation.conditions),
    })),
    problems,
    additions,
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
