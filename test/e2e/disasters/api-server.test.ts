import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isApiServerMissing } from '../../envtest/programs.ts';
import { startApiServer, type ApiServer } from '../../support/api-server.ts';

describe.skipIf(isApiServerMissing())('the API server of the tests', () => {
  let api: ApiServer;
  beforeAll(async () => {
    api = await startApiServer();
  });
  afterAll(() => api.stop());

  const names = async () => (await api.kubectl(['get', 'configmaps', '-o', 'name'])).trim().split('\n');

  it('comes back with what it held after it was killed', async () => {
    await api.kubectl(['create', 'configmap', 'kept']);
    await api.halt();
    expect((await api.tryKubectl(['get', 'configmaps'])).code).not.toBe(0);
    await api.resume();
    expect(await names()).toContain('configmap/kept');
  });

  it('goes back to a copy', async () => {
    const copy = await api.backUp();
    await api.kubectl(['create', 'configmap', 'later']);
    await api.restore(copy);
    expect(await names()).not.toContain('configmap/later');
    expect(await names()).toContain('configmap/kept');
  });

  it('is another cluster where nothing is restored', async () => {
    const uid = () => api.kubectl(['get', 'namespace', 'kube-system', '-o', 'jsonpath={.metadata.uid}']);
    const before = await uid();
    await api.restore();
    expect(await uid()).not.toBe(before);
  });
});
