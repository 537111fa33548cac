import type { EndpointPicker } from '../inference/endpoint-picker.ts';
import type { ResourceKey, SnapshotChange } from '../snapshot.ts';

/** Where resources come from: a folder, or a cluster (`kubernetes/`). The controller knows only this. */
export interface ResourceSource {
  /**
   * Resolves once everything can be read.
   *
   * @param onChange something may have changed; called any number of times, the controller coalesces
   * @throws {SourceUnavailable}
   */
  open(onChange: () => void, signal: AbortSignal): Promise<OpenSource>;
}

export interface OpenSource {
  /** What the edge pins the cluster by: the UID of the namespace kube-system. */
  readonly clusterUid: string;
  /** What has changed since the last call; at the first, everything. */
  observe(): Promise<Observation>;
  /** Ends everything that it keeps open; resolves once nothing of it runs. */
  close(): Promise<void>;
  /** What a cluster knows beside; a folder has none of it. */
  /**
   * Reads what may be a moment behind again, so that what is observed next is no older than this call. Resolves within
   * ten seconds, also where not everything could be had; never throws. Absent: it is never behind.
   */
  catchUp?(): Promise<void>;
  readonly cluster?: ClusterObjects;
}

/** What is not compiled, but needed to write status and to ask pods. */
export interface ClusterObjects {
  /** A resource of ours as the API server has it now; undefined where it is gone. */
  stored(key: ResourceKey): StoredObject | undefined;
  /** Endpoints of an inference service, at most 32. @param key `Kind/namespace/name` */
  endpoints(key: ResourceKey): readonly InferenceEndpoint[];
  /** What chooses among the pods of an InferencePool; undefined for what is none. */
  picker?(key: ResourceKey): EndpointPicker | undefined;
}

/** What changes without anything being compiled anew. */
export interface StoredObject {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  /** It is to go: it stays while it has finalizers. Where the resource itself says nothing of it, its whole kind is to go. */
  readonly isDeleting: boolean;
  /** As stored, unchecked. */
  readonly status: unknown;
}

export interface InferenceEndpoint {
  /** IP address. */
  readonly address: string;
  readonly port: number;
  readonly ready: boolean;
  /** Name of the pod, where it is known. */
  readonly pod?: string;
  /** It speaks TLS there, as LLMInferenceServices do with certificates of their own making. */
  readonly tls?: boolean;
}

export interface Observation {
  readonly changes: readonly SnapshotChange[];
  /** All that is wrong now, not only what is new. The same list as before where nothing changed in it. */
  readonly problems: readonly Problem[];
}

/** Something that a person should mend, or know. */
export interface Problem {
  /** A notice is about what is left aside on purpose, such as a kind that is not read. */
  readonly severity: 'error' | 'notice';
  /** Where it stands: a path within the folder, `.` for the folder itself. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** The resource that it is about, where that much can be told. */
  readonly resource?: ResourceKey;
  /** What is wrong and what to do. Never holds a secret's value. */
  readonly sentence: string;
}

/** A source that cannot be read at all at the start. */
export class SourceUnavailable extends Error {
  override name = 'SourceUnavailable';
}
