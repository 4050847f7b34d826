/** CPU of processes, for benchmarks. */
import { readdirSync, readFileSync } from 'node:fs';

/** CPU that a process used since it began, from /proc; NaN elsewhere than on Linux. */
export function cpuUs(pid: number | string | undefined): number {
  const [, , ...fields] = statOf(pid);
  return (Number(fields[9]) + Number(fields[10])) * 10_000;
}
/** The same of a process and those that it started. */
export function treeCpuUs(pid: number): number {
  if (statOf(pid).length === 0) return Number.NaN;
  const children = readdirSync('/proc').filter((each) => /^\d+$/.test(each) && statOf(each)[1] === String(pid));
  return [pid, ...children].map(cpuUs).reduce((sum, us) => sum + us, 0);
}
/** State, parent and further fields; empty for a process that is gone, and without a /proc. */
function statOf(pid: number | string | undefined): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  } catch {
    return []; // the other figures stand without it
  }
}
