import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

/** What an API server writes down of service accounts. @returns the flags that make it do so */
export async function writeAuditPolicy(folder: string): Promise<readonly string[]> {
  const file = join(folder, 'audit-policy.json');
  const rule = { level: 'Metadata', userGroups: ['system:serviceaccounts'], omitStages: ['RequestReceived'] };
  await writeFile(file, JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [rule] }));
  return [`--audit-policy-file=${file}`, `--audit-log-path=${logOf(folder)}`];
}

/** What was refused to a user for lack of rights: `list /api/v1/secrets`, one for each request. */
export async function readRefusals(folder: string, user: string): Promise<readonly string[]> {
  const lines = (await readFile(logOf(folder), 'utf8')).split('\n').slice(0, -1);
  return lines
    .map((line) => entry.parse(JSON.parse(line)))
    .filter(({ user: { username }, responseStatus: { code } }) => username === user && code === 403)
    .map(({ verb, requestURI }) => `${verb} ${requestURI}`);
}

function logOf(folder: string): string {
  return join(folder, 'audit.log');
}

const entry = z.object({
  verb: z.string(),
  requestURI: z.string(),
  user: z.object({ username: z.string() }),
  responseStatus: z.object({ code: z.number() }).default({ code: 0 }),
});
