import { importSealingPublicKey } from '../../contract/sealed-secret.ts';
import type { Sighting, SightingWanted } from '../../sync-agent/inference/sighting.ts';
import type { EdgeClient } from '../../sync-agent/publish/edge-client.ts';
import { PublishFailure } from '../../sync-agent/publish/publish-failure.ts';
import { SecretSealer } from '../../sync-agent/publish/seal-secrets.ts';
import type { ResourceOf } from '../../sync-agent/snapshot.ts';
import { isStandIn } from '../places/unread-secrets.ts';

type Looking = (wanted: SightingWanted, signal: AbortSignal) => Promise<Sighting>;

/**
 * Asks the edge itself which models answer behind a service. What cannot be asked for, because a secret of it is not
 * known here, is Unasked; and after a failure so is all the rest, because that would fail too.
 */
export function lookThrough(client: Pick<EdgeClient, 'look'>, { spec }: ResourceOf<'EdgeGateway'>): Looking {
  let sealing: Promise<SecretSealer | undefined> | undefined;
  let hasFailed = false;
  return async ({ id, entry, secrets, paths }, signal) => {
    const sealer = await (sealing ??= openSealer(spec));
    if (hasFailed || !sealer || secrets.some(({ value }) => isStandIn(value))) return { type: 'Unasked' };
    try {
      const sealed = await sealer.sealApart(secrets);
      return await client.look({ provider: id, entry, secrets: sealed, paths: [...paths] }, signal);
    } catch (error) {
      if (!(error instanceof PublishFailure)) throw error;
      hasFailed = true;
      return { type: 'Unasked' };
    }
  };
}

/** undefined where the EdgeGateway has no key that anything could be sealed to. */
async function openSealer(spec: ResourceOf<'EdgeGateway'>['spec']): Promise<SecretSealer | undefined> {
  const [sealTo] = spec.sealingKeys;
  if (!sealTo) return undefined;
  const key = await importSealingPublicKey(sealTo.kid, sealTo.publicKey).catch(() => undefined);
  return key && new SecretSealer({ edge: spec.endpoint, cluster: spec.clusterName, sealingKey: key });
}
