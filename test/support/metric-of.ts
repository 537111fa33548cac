import type { AgentInCluster } from './agent-in-cluster.ts';

/** A metric of an agent that was started with `--http-address`. @param sample name and labels, as `/metrics` has them */
export async function metricOf({ lines }: Pick<AgentInCluster, 'lines'>, sample: string): Promise<number> {
  const port = lines.all.findLast(({ message }) => message === 'listening')?.['port'];
  const metrics = await (await fetch(`http://127.0.0.1:${String(port)}/metrics`)).text();
  const line = metrics.split('\n').find((one) => one.startsWith(`${sample} `));
  if (line === undefined) throw new Error(`no ${sample} in ${metrics}`);
  return Number(line.slice(sample.length));
}
