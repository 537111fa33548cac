import { systemClock } from '../../sync-agent/clock.ts';
import { compile } from '../../sync-agent/compile/compile.ts';
import type { Compilation } from '../../sync-agent/compile/compilation.ts';
import { silentLogger } from '../../sync-agent/log.ts';
import { openPublisher } from '../../sync-agent/publish/open-publisher.ts';
import type { Publisher } from '../../sync-agent/publish/publisher.ts';
import { readDirectory } from '../../sync-agent/source/read-directory.ts';

/** What an agent would publish by, beside the one that runs, and what it would publish. */
export async function openEdgePublisher(
  folder: string,
): Promise<{ readonly publisher: Publisher; readonly compilation: Compilation }> {
  const { resources } = await readDirectory(folder);
  const compilation = compile(resources, 'default/edge');
  if (!compilation.target) throw new Error('the folder cannot be published');
  const surroundings = { fetch, clock: systemClock, random: Math.random, logger: silentLogger, clusterUid: 'uid' };
  return { publisher: await openPublisher(compilation.target, null, surroundings), compilation };
}
