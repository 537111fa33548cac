import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { clusterTrustList } from '../../contract/cluster-trust.ts';
import {
  importSealingPrivateKey,
  importSealingPublicKey,
  openSecret,
  sealSecret,
} from '../../contract/sealed-secret.ts';
import { importSigningKey, signDocument, verifyDocument } from '../../contract/revision.ts';
import { parseResource } from '../../crds/parse-resource.ts';
import { runFairlead } from '../support/run-fairlead.ts';
import { sha256 } from '../support/resource-files.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';

describe('fairlead keygen', () => {
  let folder: TemporaryFolder;
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => folder.dispose());

  test('what the agent signs with its half, the worker verifies with the other, and the same for sealing', async () => {
    const { code, stdout } = await runFairlead(['keygen', '--json', '--cluster', 'west']);
    expect(code).toBe(0);
    const { workerSecrets, clusterSecret, edgeGateway } = JSON.parse(stdout);

    const [trust] = clusterTrustList.parse(JSON.parse(workerSecrets.FAIRLEAD_CLUSTERS));
    expect(trust?.name).toBe('west');
    const signing = await importSigningKey(JSON.parse(parse(clusterSecret).stringData['signing-key']));
    const verifying = await importSigningKey(trust!.verifyingKeys[0]!);
    const signed = await signDocument('{"a":1}', 'test', signing);
    expect(await verifyDocument(signed, 'test', (kid) => (kid === verifying.kid ? verifying : undefined))).toEqual({
      a: 1,
    });

    const [{ kid, publicKey }] = edgeGateway.spec.sealingKeys;
    const [privateJwk] = JSON.parse(workerSecrets.FAIRLEAD_SEALING_KEYS).keys;
    const opening = await importSealingPrivateKey(privateJwk);
    const binding = { edge: 'https://e', cluster: 'west', provider: 'a/b', origins: ['https://o'] };
    const sealed = await sealSecret('hush', binding, await importSealingPublicKey(kid, publicKey));
    expect(await openSecret(sealed, (id) => (id === opening.kid ? opening : undefined))).toMatchObject({
      value: 'hush',
    });
  });

  test('the files that it writes are valid resources, and only their owner may read them', async () => {
    const out = join(folder.path, 'keys');
    const { code, stdout } = await runFairlead(['keygen', '--out', out, '--endpoint', 'https://llm.acme.dev']);

    expect(code).toBe(0);
    expect(stdout).toContain(`npm run deploy -- --secrets-file ${join(out, 'worker-secrets.json')}`);
    for (const file of ['signing-key.yaml', 'edge-gateway.yaml']) {
      const parsed = parseResource(parse(await readFile(join(out, file), 'utf8')));
      expect(parsed.outcome).toBe('resource');
    }
    expect((await stat(join(out, 'worker-secrets.json'))).mode & 0o777).toBe(0o600);
    const secrets = JSON.parse(await readFile(join(out, 'worker-secrets.json'), 'utf8'));
    expect(secrets.FAIRLEAD_ENDPOINT).toBe('https://llm.acme.dev');
    expect(stdout).not.toContain(JSON.parse(secrets.FAIRLEAD_SEALING_KEYS).keys[0].d);
  });

  test('keys that are there already are never overwritten', async () => {
    const out = join(folder.path, 'keys');
    await runFairlead(['keygen', '--out', out]);
    const before = await readFile(join(out, 'signing-key.yaml'), 'utf8');

    const { code, stderr } = await runFairlead(['keygen', '--out', out]);

    expect(code).toBe(3);
    expect(stderr).toBe(`fairlead: ${out} holds keys already: choose another folder with --out\n`);
    expect(await readFile(join(out, 'signing-key.yaml'), 'utf8')).toBe(before);
  });

  test('a consumer key comes with the digest that its Consumer holds', async () => {
    const { stdout } = await runFairlead(['keygen', 'consumer', '--json']);
    const made = JSON.parse(stdout);
    expect(made.key).toMatch(/^sk-fairlead-[0-9A-Za-z]{24}$/);
    expect(made.sha256).toBe(sha256(made.key));
  });

  test.each(['llm.example.com', 'https://llm.example.com/', 'ftp://llm.example.com'])(
    'the endpoint %s, which is no origin, is a usage error',
    async (endpoint) => {
      const { code, stderr } = await runFairlead(['keygen', '--json', '--endpoint', endpoint]);
      expect(code).toBe(2);
      expect(stderr).toContain('--endpoint must be an origin such as https://llm.example.com');
    },
  );
});
