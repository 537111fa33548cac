import { PUBLISH_PATHS } from '../../contract/publish-api.ts';
import { pointer } from '../../contract/routing-table.ts';
import type { ClusterUnderTest } from './cluster-under-test.ts';

/** All sections that the hub holds of a cluster but the binary one, as they were published: what anybody at the edge could read. */
export async function publishedTable(cluster: ClusterUnderTest): Promise<string> {
  const calls = await cluster.calls();
  const { current } = await calls.state();
  const [, payload = ''] = current?.jws.split('.') ?? [];
  const { sections } = pointer.parse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')));
  const { routes, models, providers, consumers, secrets } = sections;
  const texts = [routes, models, providers, consumers, secrets].flat().map(async (hash) => {
    const { status, text } = await calls.call('GET', PUBLISH_PATHS.blob(cluster.name, hash));
    if (status !== 200) throw new Error(`the hub does not give the blob ${hash}: ${status}`);
    return text;
  });
  return (await Promise.all(texts)).join('\n');
}
