import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** Linux counts in hundredths of a second for user space, whatever its own tick is. */
const ticksPerSecond = 100;

/** User and system CPU time of a process so far, in microseconds, from its own accounting. */
export async function cpuMicroseconds(pid: number): Promise<number> {
  if (process.platform !== 'linux') return cpuMicrosecondsFromPs(pid);
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The name in the second field may hold spaces and brackets; the fields after it cannot.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, system] = fields.slice(11, 13).map(Number);
  return (((user ?? Number.NaN) + (system ?? Number.NaN)) / ticksPerSecond) * 1e6;
}

/** Memory that a process holds, in bytes. */
export async function residentBytes(pid: number): Promise<number> {
  const kilobytes = await ps(pid, 'rss=');
  return Number(kilobytes) * 1024;
}

/** The same of all threads that it has now, more finely: the kernel counts them in nanoseconds, where it does. */
export async function fineCpuMicroseconds(pid: number): Promise<number> {
  if (process.platform !== 'linux') return cpuMicrosecondsFromPs(pid);
  const threads = await readdir(`/proc/${pid}/task`);
  const times = await Promise.all(
    threads.map(async (thread) => {
      const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').catch(() => '0');
      return Number(text.split(' ')[0]);
    }),
  );
  return times.reduce((sum, time) => sum + time, 0) / 1000;
}

/** Processes that a process has started and that still run. */
export async function childrenOf(pid: number): Promise<number[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=']);
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  return rows.flatMap(([child, parent]) => (parent === pid && child !== undefined ? [child] : []));
}

/** The most memory that a process ever held, in bytes; NaN where the system does not tell. */
export async function peakResidentBytes(pid: number): Promise<number> {
  if (process.platform !== 'linux') return Number.NaN;
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

async function cpuMicrosecondsFromPs(pid: number): Promise<number> {
  const time = await ps(pid, 'time=');
  const seconds = time.split(/[:-]/).reduce((sum, part) => sum * 60 + Number(part), 0);
  return seconds * 1e6;
}

async function ps(pid: number, field: string): Promise<string> {
  const { stdout } = await promisify(execFile)('ps', ['-o', field, '-p', String(pid)]);
  return stdout.trim();
}
