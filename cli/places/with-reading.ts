import { readDirectory } from '../../sync-agent/source/read-directory.ts';
import { layOver } from './lay-over.ts';
import type { Place } from './place.ts';
import type { Reading } from './reading.ts';
import { requireFolder } from './require-folder.ts';

/** Reads a place and has it used; a cluster can be asked until that is over. @throws {CliError} where it cannot be read */
export async function withReading<T>(place: Place, use: (reading: Reading) => Promise<T>): Promise<T> {
  switch (place.type) {
    case 'Folder':
      await requireFolder(place.dir);
      return use({ place, ...(await readDirectory(place.dir)), notes: [], cluster: undefined });
    case 'Cluster': {
      const { withCluster } = await import('./with-cluster.ts');
      return withCluster(place, use);
    }
    case 'Overlay': {
      await requireFolder(place.dir);
      const folder = await readDirectory(place.dir);
      const now = new Date().toISOString();
      return withReading(place.cluster, (cluster) =>
        use({
          ...cluster,
          place,
          resources: layOver(folder.resources, cluster.resources, now),
          problems: [...folder.problems, ...cluster.problems],
        }),
      );
    }
  }
}
