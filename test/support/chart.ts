import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ChartValues } from '../../deploy/chart-values.ts';
import { requireProgram } from '../envtest/programs.ts';
import type { ApiServer, Outcome } from './api-server.ts';

/** Names as the documentation has them. */
export const AGENT_NAMESPACE = 'fairlead-system';
export const AGENT_ACCOUNT = 'fairlead';
export const AGENT_USER = `system:serviceaccount:${AGENT_NAMESPACE}:${AGENT_ACCOUNT}`;

const CHARTS = fileURLToPath(new URL('../../deploy/charts/', import.meta.url));

/** The chart as YAML, as `helm install` would apply it. @throws with Helm's words */
export async function renderChart(values: ChartValues = {}): Promise<string> {
  const { code, out, err } = await tryRenderChart(values);
  if (code !== 0) throw new Error(`helm template: ${err}`);
  return out;
}

/** The same where it may fail. @param values of any shape, as people write them */
export function tryRenderChart(values: unknown): Promise<Outcome> {
  // A Helm that was built from its module believes that clusters are of 1.20.
  const version = ['--kube-version', '1.35.0'];
  const args = ['template', 'fairlead', `${CHARTS}fairlead`, '--namespace', AGENT_NAMESPACE, ...version];
  return helm([...args, '--values', '-'], JSON.stringify(values));
}

/** Installs both charts as the administrator, but runs no pod. @returns the agent's bearer token, good for an hour */
export async function installCharts(server: ApiServer, values: ChartValues = {}): Promise<string> {
  const crds = await helm(['template', 'fairlead-crds', `${CHARTS}fairlead-crds`, '--kube-version', '1.35.0']);
  if (crds.code !== 0) throw new Error(`helm template: ${crds.err}`);
  await server.kubectl(['apply', '--server-side', '-f', '-'], crds.out);
  await server.kubectl(['wait', '--for=condition=Established', '--timeout=30s', '-f', '-'], crds.out);
  const namespaces = [AGENT_NAMESPACE, ...(values.credentials ?? []).map(({ namespace }) => namespace)];
  for (const name of new Set([...namespaces, ...(values.watchNamespaces ?? [])]))
    await server.kubectl(
      ['apply', '-f', '-'],
      JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }),
    );
  await server.kubectl(['apply', '--server-side', '-f', '-'], await renderChart(values));
  return agentToken(server);
}

/** A bearer token of the agent's service account, good for an hour. */
export async function agentToken(server: ApiServer): Promise<string> {
  const token = await server.kubectl(['create', 'token', AGENT_ACCOUNT, '-n', AGENT_NAMESPACE]);
  return token.trim();
}

/** Runs Helm to its end. @param input what it reads from its standard input */
export function helm(args: readonly string[], input = ''): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(requireProgram('helm'), args, { stdio: 'pipe' });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.once('error', reject).once('close', (code) => resolve({ code: code ?? 1, out, err }));
    child.stdin.end(input);
  });
}
