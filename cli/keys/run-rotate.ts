import { makeSealingKey, makeSigningKey, type SealingKeyPair, type SigningKeyPair } from '../../sync-agent/keys.ts';
import type { RotateOptions } from '../commands/keys.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { acceptsKey, edgeOf, sealingObstacles, signingObstacles } from './ask-edge.ts';
import { KeyFolder, WORKER_SECRETS } from './key-folder.ts';
import { renderRotation, rotationAsJson, type Outcome } from './render-rotation.ts';
import { contradictionIn, nextStep, phasesOf, type Part } from './rotation.ts';

/** What `fairlead keys rotate` does: the next step, whichever that is by the files and by what the edge answers. */
export async function runRotate(path: string, options: RotateOptions): Promise<void> {
  const parts = partsOf(options);
  const outcome = await takeStep(await readFolder(path), parts, options);
  const after = await removeLeftover(await readFolder(path));
  const report = { folder: after, parts, outcome, options };
  console.log(options.json === true ? JSON.stringify(rotationAsJson(report), null, 2) : renderRotation(report));
  process.exitCode = outcome.did === 'Nothing' ? EXIT.rejected : EXIT.ok;
}

function partsOf({ signingOnly, sealingOnly }: RotateOptions): readonly Part[] {
  if (signingOnly === true) return ['signing'];
  return sealingOnly === true ? ['sealing'] : ['signing', 'sealing'];
}

async function readFolder(path: string): Promise<KeyFolder> {
  const folder = await KeyFolder.read(path);
  const contradiction = contradictionIn(folder.facts);
  if (contradiction !== undefined) throw new CliError(`${path}: ${contradiction}`, EXIT.environment);
  return folder;
}

async function takeStep(folder: KeyFolder, parts: readonly Part[], options: RotateOptions): Promise<Outcome> {
  const step = nextStep(folder.facts, parts);
  switch (step.type) {
    case 'Begin':
      return begin(folder, step.parts);
    case 'Switch':
      return switchOver(folder, step.parts);
    case 'Retire':
      return retire(folder, step.parts, options);
    case 'FinishSigningFirst':
      throw new CliError(
        `the signing key is being rotated: end that with \`fairlead keys rotate ${folder.path} --signing-only\`, then begin with the sealing key`,
        EXIT.rejected,
      );
  }
}

/** The private signing key is kept before the file that makes anyone trust it is written. */
async function begin(folder: KeyFolder, parts: readonly Part[]): Promise<Outcome> {
  const { facts } = folder;
  // Also where only the sealing key is rotated: that the edge accepts a new key shows that it was given the file.
  const signing = await makeSigningKey();
  const sealing = parts.includes('sealing') ? await makeSealingKey() : undefined;
  const announced = sealing ?? (phasesOf(facts).sealing === 'announced' ? facts.next?.sealing : undefined);
  await folder.writeNextKey(asFileJwk(signing), announced && { kid: announced.kid, publicKey: announced.publicKey });
  await folder.writeWorkerSecrets(({ trusted, opened }) => ({
    trusted: [...trusted.filter(({ kid }) => kid === facts.signing), signing.publicJwk],
    opened: sealing ? withKey(opened, sealing) : opened,
  }));
  return { did: 'Begin', parts, obstacles: [] };
}

const MOST_SEALING_KEYS = 4;

function withKey<T extends { readonly kid: string }>(opened: readonly T[], { privateJwk }: SealingKeyPair) {
  if (opened.length >= MOST_SEALING_KEYS)
    throw new CliError(
      `FAIRLEAD_SEALING_KEYS of ${WORKER_SECRETS} holds ${opened.length} keys, and the worker takes ${MOST_SEALING_KEYS}: remove one that nothing is sealed to`,
      EXIT.rejected,
    );
  return [...opened, privateJwk];
}

function asFileJwk({ privateJwk, publicJwk }: SigningKeyPair) {
  return { ...publicJwk, d: privateJwk.d ?? '' };
}

async function switchOver(folder: KeyFolder, parts: readonly Part[]): Promise<Outcome> {
  const { facts, nextKey } = folder;
  if (!nextKey) throw new TypeError('a key that is announced has a file');
  if (!(await acceptsKey(await edgeOf(folder, nextKey))))
    return {
      did: 'Nothing',
      parts,
      obstacles: [
        `the edge does not accept the key ${nextKey.kid} yet: deploy ${WORKER_SECRETS}, and give it some seconds`,
      ],
    };
  if (parts.includes('sealing') && facts.next?.sealing)
    await folder.writeSealingKeys([facts.next.sealing, facts.sealing[0]]);
  if (parts.includes('signing')) await folder.writeSigningKey(nextKey);
  return { did: 'Switch', parts, obstacles: [] };
}

async function retire(folder: KeyFolder, parts: readonly Part[], options: RotateOptions): Promise<Outcome> {
  const { facts } = folder;
  const client = await edgeOf(folder, folder.signingKey);
  const [used, old] = facts.sealing;
  const obstacles = {
    signing: parts.includes('signing') ? await signingObstacles(client, folder.signingKey) : [],
    sealing:
      parts.includes('sealing') && old
        ? [...(await sealingObstacles(client, old.kid)), ...otherClusters(folder, options)]
        : [],
  };
  const free = parts.filter((part) => obstacles[part].length === 0);
  const still = [...obstacles.signing, ...obstacles.sealing];
  if (free.length === 0) return { did: 'Nothing', parts, obstacles: still };
  // A signing key that only showed that the file had arrived goes with the sealing key that it was made for.
  const onlySigner = free.includes('signing') || phasesOf(facts).signing === 'announced';
  await folder.writeWorkerSecrets(({ trusted, opened }) => ({
    trusted: onlySigner ? trusted.filter(({ kid }) => kid === facts.signing) : trusted,
    opened: free.includes('sealing') ? opened.filter(({ kid }) => kid !== old?.kid) : opened,
  }));
  if (free.includes('sealing')) await folder.writeSealingKeys([used]);
  return { did: 'Retire', parts: free, obstacles: still };
}

/** Only their own folders know what they seal to. */
function otherClusters({ otherClusters: names, facts }: KeyFolder, { othersRotated }: RotateOptions): string[] {
  if (names.length === 0 || othersRotated === true) return [];
  return [
    `other clusters publish to this edge (${names.join(', ')}) and may seal to ${facts.sealing[1]?.kid ?? 'it'} too: ` +
      'where their EdgeGateways do not name it and no revision of theirs needs it, say so with --others-rotated',
  ];
}

/** What a step that was interrupted left behind. */
async function removeLeftover(folder: KeyFolder): Promise<KeyFolder> {
  const phases = phasesOf(folder.facts);
  if (folder.nextKey && phases.signing !== 'announced' && phases.sealing !== 'announced') await folder.removeNextKey();
  return folder;
}
