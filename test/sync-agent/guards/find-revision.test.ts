import { describe, expect, test } from 'vitest';
import type { ClusterHistory } from '../../../contract/publish-api.ts';
import { revisionOf } from '../../../contract/revision.ts';
import type { Pointer } from '../../../contract/routing-table.ts';
import { findRevision } from '../../../sync-agent/guards/find-revision.ts';

function pointer(sequence: number, rollbackOf?: string): Pointer {
  return {
    schemaVersion: 1,
    edge: 'https://edge.test',
    cluster: 'berlin',
    clusterUid: 'u',
    generation: { term: 1, sequence },
    replaces: null,
    issuedAt: '2026-11-01T00:00:00Z',
    ...(rollbackOf !== undefined && { rollbackOf }),
    sections: { routes: [], models: [], providers: [], consumers: [], secrets: [], keys: [] },
  };
}

/** As the hub keeps it; the signature is none, which nobody looks at here. */
async function kept(of: Pointer): Promise<ClusterHistory['revisions'][number]> {
  const jws = `e30.${Buffer.from(JSON.stringify(of)).toString('base64url')}.c2ln`;
  return { revision: await revisionOf(jws), jws, pointer: of, admittedAt: '2026-11-01T00:00:00Z' };
}

const none = () => Promise.reject(new Error('nobody should ask'));

describe('a revision to go back to', () => {
  test('is found in what the edge holds now, without asking for more', async () => {
    const held = { revision: '0123456789ab', kid: 'k', pointer: pointer(3) };
    expect(await findRevision('0123456789ab', held, none)).toEqual({ pointer: held.pointer });
  });

  test('is found in what went back to it and is held now', async () => {
    const held = { revision: 'ba9876543210', kid: 'k', pointer: pointer(3, '0123456789ab') };
    expect(await findRevision('0123456789ab', held, none)).toEqual({ pointer: held.pointer });
  });

  test('is found among what the edge keeps, itself before what went back to it', async () => {
    const first = await kept(pointer(1));
    const back = await kept(pointer(2, first.revision));
    const history = (revisions: ClusterHistory['revisions']) => async () => ({ revisions });
    expect(await findRevision(first.revision, null, history([back, first]))).toEqual({ pointer: first.pointer });
    expect(await findRevision(first.revision, null, history([back]))).toEqual({ pointer: back.pointer });
  });

  test('is not found where the edge does not keep it', async () => {
    const other = await kept(pointer(1));
    const found = await findRevision('0123456789ab', null, async () => ({ revisions: [other] }));
    expect(found).toEqual({ kept: [other.revision] });
  });

  test('is what stands in the text that has its name, whatever stands beside it', async () => {
    const first = await kept(pointer(1));
    const claimed = { ...first, pointer: pointer(9) };
    const forged = { ...(await kept(pointer(9))), revision: first.revision };
    expect(await findRevision(first.revision, null, async () => ({ revisions: [claimed] }))).toEqual({
      pointer: first.pointer,
    });
    expect(await findRevision(first.revision, null, async () => ({ revisions: [forged] }))).toEqual({
      kept: [first.revision],
    });
  });
});
