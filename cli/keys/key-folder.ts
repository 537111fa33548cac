import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDocument, type Document } from 'yaml';
import { z } from 'zod';
import { clusterTrustList } from '../../contract/cluster-trust.ts';
import { parseResource } from '../../crds/parse-resource.ts';
import { secretValue } from '../../crds/secret.ts';
import { SECRET_ID_KEY, SIGNING_KEY } from '../../sync-agent/render-keys.ts';
import { resourceId, type ResourceId, type ResourceOf } from '../../sync-agent/snapshot.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { writeFileAtomically } from '../write-file-atomically.ts';
import type { KeyFacts, PublicSealingKey } from './rotation.ts';

/** The files that `fairlead keygen` wrote, and the one that a rotation adds. */
export const WORKER_SECRETS = 'worker-secrets.json';
export const SIGNING_KEY_FILE = 'signing-key.yaml';
export const EDGE_GATEWAY_FILE = 'edge-gateway.yaml';
export const NEXT_KEY_FILE = 'signing-key.next.yaml';

/** Data key of the next sealing key's public half. */
const NEXT_SEALING_KEY = 'next-sealing-key';

const signingJwk = z.looseObject({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string(),
  d: z.string(),
  kid: z.string().min(1),
});
export type SigningJwk = z.infer<typeof signingJwk>;
const sealingKey = z.object({ kid: z.string().min(1), publicKey: z.string() });

/** Members that are not known here stay: other clusters, other secrets. */
const workerSecrets = z.looseObject({
  FAIRLEAD_ENDPOINT: z.string(),
  FAIRLEAD_CLUSTERS: z.string(),
  FAIRLEAD_SEALING_KEYS: z.string(),
});
const clusters = z.array(
  z.looseObject({ name: z.string(), verifyingKeys: z.array(z.looseObject({ kid: z.string() })) }),
);
const sealingKeys = z.looseObject({ keys: z.array(z.looseObject({ kid: z.string() })) });

type Clusters = z.infer<typeof clusters>;
type WorkerKeys = z.infer<typeof sealingKeys>['keys'];
type PublicJwk = Clusters[number]['verifyingKeys'][number];

/** Their text. */
type KeyFiles = Readonly<Record<'secrets' | 'signing' | 'gateway', string>>;

/** The keys of one edge and one cluster, as the files of a folder have them. */
export class KeyFolder {
  readonly path: string;
  readonly gateway: ResourceOf<'EdgeGateway'>;
  readonly facts: KeyFacts;
  /** The private key that signs, and the one that will. */
  readonly signingKey: SigningJwk;
  readonly nextKey: SigningJwk | undefined;
  readonly #secretIdKey: string;
  readonly #files: KeyFiles;

  private constructor(path: string, files: KeyFiles, next: string | undefined) {
    this.path = path;
    this.#files = files;
    this.gateway = resourceOf(files.gateway, EDGE_GATEWAY_FILE, 'EdgeGateway');
    const secret = resourceOf(files.signing, SIGNING_KEY_FILE, 'Secret');
    this.signingKey = signingKeyOf(secret, SIGNING_KEY_FILE);
    this.#secretIdKey = textOf(secret, SECRET_ID_KEY);
    const nextSecret = next === undefined ? undefined : resourceOf(next, NEXT_KEY_FILE, 'Secret');
    this.nextKey = nextSecret && signingKeyOf(nextSecret, NEXT_KEY_FILE);
    const [sealing, ...others] = this.gateway.spec.sealingKeys;
    if (!sealing) throw unusable(EDGE_GATEWAY_FILE, 'names no sealing key');
    this.facts = {
      signing: this.signingKey.kid,
      trusted: this.#trust().verifyingKeys.map(({ kid }) => kid),
      sealing: [sealing, ...others],
      opened: this.#sealingKeys().keys.map(({ kid }) => kid),
      next: this.nextKey && { signing: this.nextKey.kid, sealing: nextSealingKey(nextSecret) },
    };
  }

  /** @throws {CliError} where the files are not those of a keys folder */
  static async read(path: string): Promise<KeyFolder> {
    const [secrets, signing, gateway] = await Promise.all([
      read(path, WORKER_SECRETS),
      read(path, SIGNING_KEY_FILE),
      read(path, EDGE_GATEWAY_FILE),
    ]);
    const hasNext = await stat(join(path, NEXT_KEY_FILE)).then(
      () => true,
      () => false,
    );
    return new KeyFolder(path, { secrets, signing, gateway }, hasNext ? await read(path, NEXT_KEY_FILE) : undefined);
  }

  get edge(): ResourceId {
    return resourceId(this.gateway.metadata);
  }

  /** Clusters beside ours that publish to the same edge, and may seal to the same key. */
  get otherClusters(): readonly string[] {
    const { clusterName } = this.gateway.spec;
    return this.#clusters().flatMap(({ name }) => (name === clusterName ? [] : [name]));
  }

  /** Sets our cluster's verifying keys and the edge's private sealing keys; all else of the file stays. */
  async writeWorkerSecrets(
    change: (keys: { readonly trusted: readonly PublicJwk[]; readonly opened: WorkerKeys }) => {
      readonly trusted: readonly PublicJwk[];
      readonly opened: WorkerKeys;
    },
  ): Promise<void> {
    const { trusted, opened } = change({ trusted: this.#trust().verifyingKeys, opened: this.#sealingKeys().keys });
    const { clusterName } = this.gateway.spec;
    const list = this.#clusters().map((trust) =>
      trust.name === clusterName ? { ...trust, verifyingKeys: trusted } : trust,
    );
    const secrets = {
      ...this.#secrets(),
      FAIRLEAD_CLUSTERS: JSON.stringify(list),
      FAIRLEAD_SEALING_KEYS: JSON.stringify({ ...this.#sealingKeys(), keys: opened }),
    };
    await this.#write(WORKER_SECRETS, `${JSON.stringify(secrets, null, 2)}\n`);
  }

  /** Under another name than the Secret in use: a folder that is applied or watched whole must not take it for that. */
  async writeNextKey(key: SigningJwk, sealing: PublicSealingKey | undefined): Promise<void> {
    const document = parsed(this.#files.signing, SIGNING_KEY_FILE);
    const name = resourceOf(this.#files.signing, SIGNING_KEY_FILE, 'Secret').metadata.name;
    document.setIn(['metadata', 'name'], `${name}-next`);
    document.delete('data');
    document.set(
      'stringData',
      document.createNode({
        [SIGNING_KEY]: JSON.stringify(key),
        [SECRET_ID_KEY]: this.#secretIdKey,
        ...(sealing && { [NEXT_SEALING_KEY]: JSON.stringify(sealing) }),
      }),
    );
    document.commentBefore =
      ' The next signing key: `fairlead keys rotate` puts it into signing-key.yaml when the edge accepts it.';
    await this.#write(NEXT_KEY_FILE, document.toString({ lineWidth: 0 }));
  }

  async removeNextKey(): Promise<void> {
    await rm(join(this.path, NEXT_KEY_FILE), { force: true });
  }

  async writeSigningKey(key: SigningJwk): Promise<void> {
    const document = parsed(this.#files.signing, SIGNING_KEY_FILE);
    const text = JSON.stringify(key);
    if (document.hasIn(['data', SIGNING_KEY]))
      document.setIn(['data', SIGNING_KEY], Buffer.from(text).toString('base64'));
    else document.setIn(['stringData', SIGNING_KEY], text);
    await this.#write(SIGNING_KEY_FILE, document.toString({ lineWidth: 0 }));
  }

  async writeSealingKeys(keys: readonly PublicSealingKey[]): Promise<void> {
    const document = parsed(this.#files.gateway, EDGE_GATEWAY_FILE);
    const list = keys.map(({ kid, publicKey }) => ({ kid, publicKey }));
    document.setIn(['spec', 'sealingKeys'], document.createNode(list));
    await this.#write(EDGE_GATEWAY_FILE, document.toString({ lineWidth: 0 }));
  }

  #secrets() {
    return checked(workerSecrets, this.#files.secrets, WORKER_SECRETS);
  }

  #clusters(): Clusters {
    const text = this.#secrets().FAIRLEAD_CLUSTERS;
    const where = `FAIRLEAD_CLUSTERS of ${WORKER_SECRETS}`;
    checked(clusterTrustList, text, where);
    return checked(clusters, text, where);
  }

  #trust(): Clusters[number] {
    const { clusterName, endpoint } = this.gateway.spec;
    if (this.#secrets().FAIRLEAD_ENDPOINT !== endpoint)
      throw unusable(WORKER_SECRETS, `is for another edge than ${EDGE_GATEWAY_FILE}, which is for ${endpoint}`);
    const trust = this.#clusters().find(({ name }) => name === clusterName);
    if (!trust) throw unusable(WORKER_SECRETS, `does not list the cluster ${clusterName} of ${EDGE_GATEWAY_FILE}`);
    return trust;
  }

  #sealingKeys() {
    return checked(sealingKeys, this.#secrets().FAIRLEAD_SEALING_KEYS, `FAIRLEAD_SEALING_KEYS of ${WORKER_SECRETS}`);
  }

  async #write(name: string, content: string): Promise<void> {
    await writeFileAtomically(join(this.path, name), content, 0o600).catch((error: unknown) => {
      throw new CliError(`${join(this.path, name)} cannot be written: ${String(error)}`, EXIT.environment);
    });
  }
}

async function read(folder: string, name: string): Promise<string> {
  return readFile(join(folder, name), 'utf8').catch((error: unknown) => {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    const reason = missing ? 'does not exist' : `cannot be read (${String(error)})`;
    throw new CliError(
      `${join(folder, name)} ${reason}: name a folder that \`fairlead keygen\` wrote`,
      EXIT.environment,
    );
  });
}

function resourceOf<K extends 'EdgeGateway' | 'Secret'>(text: string, file: string, kind: K): ResourceOf<K> {
  const result = parseResource(parsed(text, file).toJS());
  if (result.outcome === 'resource' && isOfKind(result.resource, kind)) return result.resource;
  const [issue] = result.outcome === 'invalid' ? result.issues : [];
  throw unusable(file, issue ? `${issue.path.join('.')} ${issue.sentence}` : `is not one ${kind}`);
}

function isOfKind<K extends 'EdgeGateway' | 'Secret'>(
  resource: ResourceOf<'EdgeGateway' | 'Secret'> | { readonly kind: string },
  kind: K,
): resource is ResourceOf<K> {
  return resource.kind === kind;
}

function parsed(text: string, file: string): Document {
  const document = parseDocument(text, { prettyErrors: false });
  if (document.errors.length > 0) throw unusable(file, 'is not one YAML document');
  return document;
}

function signingKeyOf(secret: ResourceOf<'Secret'>, file: string): SigningJwk {
  return checked(signingJwk, textOf(secret, SIGNING_KEY), `${SIGNING_KEY} of ${file}`);
}

function nextSealingKey(secret: ResourceOf<'Secret'> | undefined): PublicSealingKey | undefined {
  const text = secret && textOf(secret, NEXT_SEALING_KEY);
  return text ? checked(sealingKey, text, `${NEXT_SEALING_KEY} of ${NEXT_KEY_FILE}`) : undefined;
}

function textOf(secret: ResourceOf<'Secret'>, key: string): string {
  return new TextDecoder().decode(secretValue(secret, key) ?? new Uint8Array());
}

/** The message holds nothing of the content. @throws {CliError} */
function checked<T extends z.ZodType>(schema: T, text: string, where: string): z.infer<T> {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    throw unusable(where, 'is not as `fairlead keygen` writes it');
  }
}

function unusable(where: string, why: string): CliError {
  return new CliError(`${where} ${why}`, EXIT.environment);
}
