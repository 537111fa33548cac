/** A cluster, as a person's kubeconfig leads to it. */
export interface ClusterPlace {
  readonly type: 'Cluster';
  /** Path of the kubeconfig; absent: the one that kubectl would take. */
  readonly kubeconfig?: string | undefined;
  /** Absent: the current one. */
  readonly context?: string | undefined;
  /** Only resources of this namespace are reported. */
  readonly namespace?: string | undefined;
}

/** Where the resources are that a command is about. */
export type Place =
  | { readonly type: 'Folder'; readonly dir: string; readonly namespace?: string | undefined }
  | ClusterPlace
  /** A folder over what a cluster holds, as it would be after `kubectl apply`. */
  | {
      readonly type: 'Overlay';
      readonly dir: string;
      readonly cluster: ClusterPlace;
      readonly namespace?: string | undefined;
    };

/** For sentences: `my-resources`, `the cluster of context production`. */
export function placeName(place: Place): string {
  switch (place.type) {
    case 'Folder':
      return place.dir;
    case 'Cluster':
      if (place.context !== undefined) return `the cluster of context ${place.context}`;
      return place.kubeconfig === undefined ? 'the cluster' : `the cluster of ${place.kubeconfig}`;
    case 'Overlay':
      return `${place.dir} over ${placeName(place.cluster)}`;
  }
}

/** What holds the resources, in one word. */
export function placeNoun({ type }: Place): 'folder' | 'cluster' {
  switch (type) {
    case 'Folder':
    case 'Overlay':
      return 'folder';
    case 'Cluster':
      return 'cluster';
  }
}

/** What stands behind a command so that it is about this place, with a space before it: ` my-resources`, ` --context production`. */
export function placeArguments(place: Place): string {
  switch (place.type) {
    case 'Folder':
      return ` ${place.dir}${option('namespace', place.namespace)}`;
    case 'Cluster': {
      const options = option('kubeconfig', place.kubeconfig) + option('context', place.context);
      return options + option('namespace', place.namespace);
    }
    case 'Overlay':
      return ` ${place.dir}${placeArguments(place.cluster)}`;
  }
}

function option(name: string, value: string | undefined): string {
  return value === undefined ? '' : ` --${name} ${value}`;
}

/** Whether a resource is one of those that are reported. @param key `Kind/namespace/name` */
export function isReported({ namespace }: Place, key: string): boolean {
  return namespace === undefined || key.split('/')[1] === namespace;
}
