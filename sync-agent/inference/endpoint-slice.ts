import { z } from 'zod';
import { flag, listOf, part, text, texts } from './tolerant.ts';

/** What an EndpointSlice (discovery.k8s.io/v1) says: some of the endpoints of one Service. */
export interface EndpointSliceFacts {
  readonly namespace: string;
  /** Name of the Service: label `kubernetes.io/service-name`. */
  readonly service: string;
  /** Those of the Service among them, which its controller copies. */
  readonly labels: Readonly<Record<string, string>>;
  readonly endpoints: readonly SliceEndpoint[];
  readonly ports: readonly SlicePort[];
}

export interface SliceEndpoint {
  /** IP address, or a host name where the slice is of type FQDN. */
  readonly address: string;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  /** Name of the pod. */
  readonly targetName?: string;
}

export interface SlicePort {
  /** Empty where the Service has but one and does not name it. */
  readonly name: string;
  readonly port: number;
}

/** A slice holds at most 1,000 endpoints and 20,000 ports by the API's own rules; nobody needs so many ports. */
const MOST_ENDPOINTS = 1_000;
const MOST_PORTS = 100;

const endpoint = z
  .object({
    addresses: z.tuple([z.string().min(1)], z.unknown()),
    conditions: part({ ready: flag, serving: flag, terminating: flag }),
    targetRef: part({ name: text }),
  })
  .transform(({ addresses: [address], conditions, targetRef }): SliceEndpoint => {
    // Absent means true for `ready`, what `ready` says for `serving`, and false for `terminating`.
    const ready = conditions?.ready ?? true;
    return {
      address,
      ready,
      serving: conditions?.serving ?? ready,
      terminating: conditions?.terminating ?? false,
      ...(targetRef?.name && { targetName: targetRef.name }),
    };
  });

const port = z
  .object({ name: text, port: z.int().min(1).max(65_535) })
  .transform(({ name, port }): SlicePort => ({ name: name ?? '', port }));

const endpointSlice = z.object({
  metadata: z.object({ namespace: z.string().min(1), labels: texts }),
  endpoints: listOf(endpoint, MOST_ENDPOINTS),
  ports: listOf(port, MOST_PORTS),
});

/** Undefined where it is none, or belongs to no Service. */
export function readEndpointSlice(raw: unknown): EndpointSliceFacts | undefined {
  const { success, data } = endpointSlice.safeParse(raw);
  const service = data?.metadata.labels['kubernetes.io/service-name'];
  if (!success || !service) return undefined;
  const { namespace, labels } = data.metadata;
  return { namespace, service, labels, endpoints: data.endpoints, ports: data.ports };
}
