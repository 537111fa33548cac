import type { DiscoveredModel } from './compilation.ts';
import type { Connected } from './connect.ts';
import type { DiscoveryClaim } from './discovery.ts';
import { Channel } from './engine.ts';
import type { BackendServices, ServiceInUse } from './service-backends.ts';
import type { AddressClaim, Service, Way } from './service.ts';
import type { Standing } from './standing.ts';

/** What is known of the inference services of the cluster. The comment behind each says what its key is. */
export function declareServiceFacts() {
  return {
    /** Inference services. Resource key. */
    services: new Channel<Service>('inference services'),
    /** Namespace. */
    servicesIn: new Channel<Service>('inference services in a namespace'),
    /** Services that `clusterAccess` gives one address. Address. */
    addresses: new Channel<AddressClaim>('addresses of services'),
    /** The one that has it. Address. */
    addressOwners: new Channel<AddressClaim>('owners of addresses'),
    /** Ways to services. The id of their entry of `providers`, as the three below. */
    ways: new Channel<Way>('ways to services'),
    connected: new Channel<Connected>('connected services'),
    standings: new Channel<Standing>('standings of services'),
    /** Services that something which ships leads to, or would if they could be called. */
    routedServices: new Channel<true>('routed services'),
    /** Services of the backends of a model. Id. */
    backendServices: new Channel<BackendServices>('services of backends'),
    /** The services behind a resource. Resource key. */
    behind: new Channel<ServiceInUse>('services behind a resource'),
    /** Discovered services' claims on a model name. */
    discoveryClaims: new Channel<DiscoveryClaim>('discovered claims on a model name'),
    /** ''. */
    discovered: new Channel<DiscoveredModel>('discovered models'),
  };
}
