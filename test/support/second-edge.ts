import type { ApiServer } from './api-server.ts';
import { startEdgeUnderTest, type EdgeUnderTest } from './edge-under-test.ts';
import { edgeGateway } from './resource-files.ts';
import { renderClusterSecret } from '../../sync-agent/render-keys.ts';

/** The EdgeGateway of another edge beside `edge`, in the same namespace. */
export const SECOND = 'production';

export interface SecondEdge extends EdgeUnderTest {
  /** Its EdgeGateway, as YAML. */
  gateway(spec?: Readonly<Record<string, unknown>>): string;
}

/** Starts another edge, and stores the keys that it trusts the cluster by. */
export async function startSecondEdge(api: ApiServer): Promise<SecondEdge> {
  const edge = await startEdgeUnderTest({ isolates: 2 });
  const { name, signing, secretIdKey } = edge.cluster;
  const keys = `${SECOND}-signing-key`;
  const { kid, publicKey } = edge.sealing;
  await api.kubectl(
    ['apply', '-f', '-'],
    renderClusterSecret({ namespace: 'default', name: keys, signingKey: signing, secretIdKey }),
  );
  return {
    ...edge,
    gateway: (spec = {}) =>
      edgeGateway(
        { endpoint: edge.edge.url, clusterName: name, sealingKeys: [{ kid, publicKey }], ...spec },
        { name: SECOND, keys },
      ),
  };
}
