import type { InferenceEndpoint } from '../source/source.ts';
import type { Sample } from './parse-metrics.ts';

/** What Prometheus knows, by the pods that it was scraped from, whichever way its operator labels them. */
export interface SamplesByPod {
  of(namespace: string, endpoint: InferenceEndpoint): readonly Sample[];
  /** Of what stands in a namespace, whichever pod says it. */
  in(namespace: string): readonly Sample[];
}

/** Of the operator's monitors, then of the scrape configuration that older documentation gives. */
const NAMESPACE_LABELS = ['namespace', 'kubernetes_namespace'];
const POD_LABELS = ['pod', 'kubernetes_pod_name', 'pod_name'];

export function samplesByPod(samples: readonly Sample[]): SamplesByPod {
  const byPod = new Map<string, Sample[]>();
  const byAddress = new Map<string, Sample[]>();
  const byNamespace = new Map<string, Sample[]>();
  for (const sample of samples) {
    const namespace = labelOf(NAMESPACE_LABELS, sample) ?? '';
    const pod = labelOf(POD_LABELS, sample);
    const address = /^\[?(.*?)\]?(?::\d+)?$/.exec(sample.labels['instance'] ?? '')?.[1];
    push(byNamespace, namespace, sample);
    if (pod !== undefined) push(byPod, `${namespace}/${pod}`, sample);
    if (address) push(byAddress, `${namespace}/${address}`, sample);
  }
  return {
    of: (namespace, { pod, address }) =>
      ofOneJob(
        (pod === undefined ? undefined : byPod.get(`${namespace}/${pod}`)) ??
          byAddress.get(`${namespace}/${address}`) ??
          byAddress.get(`/${address}`) ??
          [],
      ),
    in: (namespace) => byNamespace.get(namespace) ?? [],
  };
}

/** A pod that two monitors scrape tells everything twice. */
function ofOneJob(samples: readonly Sample[]): readonly Sample[] {
  const [first] = samples;
  return samples.filter(
    ({ labels }) => labels['job'] === first?.labels['job'] && labels['instance'] === first?.labels['instance'],
  );
}

function labelOf(names: readonly string[], { labels }: Sample): string | undefined {
  return names.map((name) => labels[name]).find((value) => value !== undefined);
}

function push(map: Map<string, Sample[]>, key: string, sample: Sample): void {
  const known = map.get(key);
  if (known) known.push(sample);
  else map.set(key, [sample]);
}
