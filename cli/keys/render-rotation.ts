import { join } from 'node:path';
import { styleText } from 'node:util';
import { stringify } from 'yaml';
import type { RotateOptions } from '../commands/keys.ts';
import { EDGE_GATEWAY_FILE, SIGNING_KEY_FILE, WORKER_SECRETS, type KeyFolder } from './key-folder.ts';
import { phasesOf, type Part, type Phase } from './rotation.ts';

/** What one call did. */
export interface Outcome {
  readonly did: 'Begin' | 'Switch' | 'Retire' | 'Nothing';
  /** Of which keys. */
  readonly parts: readonly Part[];
  /** What stands against the next step, each a sentence. */
  readonly obstacles: readonly string[];
}

export interface RotationReport {
  /** As it is after the step. */
  readonly folder: KeyFolder;
  /** What was asked for. */
  readonly parts: readonly Part[];
  readonly outcome: Outcome;
  readonly options: RotateOptions;
}

export function rotationAsJson(report: RotationReport) {
  const { folder, outcome } = report;
  const { facts, gateway } = folder;
  return {
    edge: folder.edge,
    endpoint: gateway.spec.endpoint,
    cluster: gateway.spec.clusterName,
    did: outcome.did,
    parts: outcome.parts,
    phases: phasesOf(facts),
    keys: { signing: facts.trusted, sealing: facts.opened },
    obstacles: outcome.obstacles,
    install: installations(report),
    next: nextCommand(report) ?? null,
    done: isDone(report),
  };
}

export function renderRotation(report: RotationReport): string {
  const { folder, outcome } = report;
  const { endpoint, clusterName } = folder.gateway.spec;
  const commands = installations(report);
  const next = nextCommand(report);
  const lines = [
    `${styleText('bold', folder.edge)}  ${endpoint}, as cluster ${clusterName}`,
    ...keyLines(folder),
    '',
    sentenceOf(report),
    ...outcome.obstacles.map((obstacle) => `  ${styleText('yellow', 'not yet')}  ${obstacle}`),
  ];
  if (commands.length > 0) lines.push('', outcome.did === 'Nothing' ? 'Install, where you have not:' : 'Install:', '');
  lines.push(...commands.map((command) => styleText('cyan', `  ${command}`)));
  if (commands.some((command) => command.includes(EDGE_GATEWAY_FILE))) lines.push('', ...elsewhere(folder));
  if (next !== undefined) lines.push('', 'Then:', '', styleText('cyan', `  ${next}`));
  return lines.join('\n');
}

function sentenceOf(report: RotationReport): string {
  const { outcome, folder } = report;
  const keys = outcome.parts.join(' and ');
  const plural = outcome.parts.length === 1 ? 'key is' : 'keys are';
  switch (outcome.did) {
    case 'Begin':
      return `A second ${keys} key was made. Nothing uses it until the edge has it: ${WORKER_SECRETS} holds old and new.`;
    case 'Switch':
      return `The edge has the new keys: the ${keys} ${plural} now the new one${outcome.parts.length === 1 ? '' : 's'} in the files, and the old may still be used.`;
    case 'Retire':
      return isDone(report)
        ? `The old ${keys} ${plural} out of ${WORKER_SECRETS}. With that deployed the rotation is done.`
        : `The old ${keys} ${plural} out of ${WORKER_SECRETS}.`;
    case 'Nothing':
      return `Nothing was changed in ${folder.path}:`;
  }
}

const MEANINGS: Readonly<Record<Phase, string>> = {
  idle: '',
  announced: 'the worker’s file lists it; nothing uses it yet',
  switched: 'in use; the old one may still be used',
};

function keyLines({ facts }: KeyFolder): string[] {
  const phases = phasesOf(facts);
  const line = (part: Part, used: string, other: string | undefined): string => {
    const phase = phases[part];
    const [old, now] = phase === 'announced' ? [used, other] : [other, used];
    const keys = [old, now].filter((kid) => kid !== undefined).join(' -> ');
    return `  ${part.padEnd(8)} ${keys}${MEANINGS[phase] === '' ? '' : `  ${styleText('dim', MEANINGS[phase])}`}`;
  };
  const [used, old] = facts.sealing;
  const otherSigner = facts.trusted.find((kid) => kid !== facts.signing);
  return [
    line('signing', facts.signing, otherSigner),
    line('sealing', used.kid, phases.sealing === 'announced' ? facts.next?.sealing?.kid : old?.kid),
  ];
}

/** What the files as they are now ask for. */
function installations({ folder, outcome, parts }: RotationReport): string[] {
  const path = (file: string): string => join(folder.path, file);
  const bulk = `npx wrangler secret bulk ${path(WORKER_SECRETS)}`;
  const apply = (files: readonly string[]): string =>
    `kubectl apply ${files.map((file) => `-f ${path(file)}`).join(' ')}`;
  const manifests = (of: readonly Part[]): string[] =>
    of.map((part) => (part === 'signing' ? SIGNING_KEY_FILE : EDGE_GATEWAY_FILE));
  switch (outcome.did) {
    case 'Begin':
      return [bulk];
    case 'Switch':
      return [apply(manifests(outcome.parts))];
    case 'Retire':
      return [bulk, ...(outcome.parts.includes('sealing') ? [apply([EDGE_GATEWAY_FILE])] : [])];
    case 'Nothing': {
      const phases = phasesOf(folder.facts);
      const announced = parts.some((part) => phases[part] === 'announced');
      return [announced ? bulk : apply(manifests(parts.filter((part) => phases[part] === 'switched')))];
    }
  }
}

function elsewhere({ facts }: KeyFolder): string[] {
  const sealingKeys = facts.sealing.map(({ kid, publicKey }) => ({ kid, publicKey }));
  return [
    'Where your EdgeGateway stands in another file by now, put this into it instead:',
    '',
    ...stringify({ spec: { sealingKeys } }, { lineWidth: 0 })
      .trimEnd()
      .split('\n')
      .map((line) => `  ${line}`),
  ];
}

function isDone({ folder, parts }: RotationReport): boolean {
  const phases = phasesOf(folder.facts);
  return parts.every((part) => phases[part] === 'idle');
}

function nextCommand(report: RotationReport): string | undefined {
  if (isDone(report)) return undefined;
  const { signingOnly, sealingOnly, othersRotated } = report.options;
  return [
    `npx fairlead keys rotate ${report.folder.path}`,
    ...(signingOnly === true ? ['--signing-only'] : []),
    ...(sealingOnly === true ? ['--sealing-only'] : []),
    ...(othersRotated === true ? ['--others-rotated'] : []),
  ].join(' ');
}
