import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
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

async function cpuMicrosecondsFromPs(pid: number): Promise<number> {
  const time = await ps(pid, 'time=');
  const seconds = time.split(/[:-]/).reduce((sum, part) => sum * 60 + Number(part), 0);
  return seconds * 1e6;
}

async function ps(pid: number, field: string): Promise<string> {
  const { stdout } = await promisify(execFile)('ps', ['-o', field, '-p', String(pid)]);
  return stdout.trim();
}
