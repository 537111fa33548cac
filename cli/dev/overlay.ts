import type { Resource } from '../../crds/parse-resource.ts';
import { resourceId, type ResourceOf } from '../../sync-agent/snapshot.ts';
import type { EdgeKeys } from '../edge-keys.ts';
import { localGateway, openAIResources, signingSecret, type OpenAIAccess } from './local-resources.ts';

/** What `fairlead dev` changes of a folder's resources so that they work on this machine; the files stay as they are. */
export interface OverlaySettings {
  /** Origin of the local edge. */
  readonly endpoint: string;
  readonly clusterName: string;
  readonly keys: EdgeKeys;
  /** `namespace/name` of the EdgeGateway to run; absent: the first by name. */
  readonly edge?: string | undefined;
  /** Origin of the simulator. */
  readonly simulator?: string | undefined;
  readonly openAI?: OpenAIAccess | undefined;
}

/** Where the examples expect the simulator. */
export const SIMULATOR_ORIGIN = 'http://127.0.0.1:8788';

/** The Secret that holds the keys made on the spot. */
const LOCAL_KEYS = 'fairlead-local-keys';

type Gateway = ResourceOf<'EdgeGateway'>;

/**
 * One EdgeGateway remains, with the local edge's address and keys: others would publish to edges that are not this one.
 * A folder without any gets one that allows everything local.
 */
export function overlay(resources: readonly Resource[], settings: OverlaySettings): Resource[] {
  const gateway = chooseGateway(resources, settings.edge) ?? localGateway(resources, settings.keys);
  const secret = signingSecret({ namespace: gateway.metadata.namespace, name: LOCAL_KEYS }, settings.keys);
  const openAI = settings.openAI === undefined ? [] : openAIResources(gateway, settings.openAI);
  const replaced = new Set([secret, ...openAI].map((resource) => identityOf(resource)));
  const kept = resources.filter((resource) => resource.kind !== 'EdgeGateway' && !replaced.has(identityOf(resource)));
  return [
    localised(gateway, settings),
    secret,
    ...openAI,
    ...kept.map((resource) => atSimulator(resource, settings.simulator ?? SIMULATOR_ORIGIN)),
  ];
}

/** The EdgeGateway that runs: the one that is asked for, else the first by namespace and name. */
export function chooseGateway(resources: readonly Resource[], edge?: string): Gateway | undefined {
  const gateways = resources
    .filter((resource): resource is Gateway => resource.kind === 'EdgeGateway')
    .toSorted((a, b) => (resourceId(a.metadata) < resourceId(b.metadata) ? -1 : 1));
  return edge === undefined ? gateways[0] : gateways.find(({ metadata }) => resourceId(metadata) === edge);
}

function identityOf({ kind, metadata }: Resource): string {
  return `${kind}/${resourceId(metadata)}`;
}

function localised(gateway: Gateway, settings: OverlaySettings): Gateway {
  const { kid, publicKey } = settings.keys.sealing;
  return {
    ...gateway,
    spec: {
      ...gateway.spec,
      clusterName: settings.clusterName,
      endpoint: settings.endpoint,
      signingKeySecretRef: { name: LOCAL_KEYS },
      sealingKeys: [{ kid, publicKey }],
    },
  };
}

/** The simulator may have had to take another port than the one that the examples name. */
function atSimulator(resource: Resource, simulator: string): Resource {
  if (simulator === SIMULATOR_ORIGIN || resource.kind !== 'LLMProvider') return resource;
  const { baseURL } = resource.spec;
  if (baseURL !== SIMULATOR_ORIGIN && !baseURL.startsWith(`${SIMULATOR_ORIGIN}/`)) return resource;
  return { ...resource, spec: { ...resource.spec, baseURL: simulator + baseURL.slice(SIMULATOR_ORIGIN.length) } };
}
