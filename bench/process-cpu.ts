import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { MeasuredProcess } from './systems.ts';

/** CPU time of one process, in microseconds: of a whole run, or of one operation. */
export interface ProcessCpu {
  readonly role: string;
  readonly userUs: number;
  readonly systemUs: number;
}

const US_PER_S = 1_000_000;
let tickUs: number | null = null;

/** Microseconds of one tick of /proc/PID/stat: 10,000 on nearly every Linux. */
function ticksInUs(): number {
  tickUs ??= US_PER_S / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  return tickUs;
}

/** Times so far in a /proc/PID/stat line, with those of children that have ended (a rewrite of an append-only file). */
export function parseStat(line: string): { readonly userTicks: number; readonly systemTicks: number } {
  // The name in brackets may hold anything, brackets too; the fields after it start with the third.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const field = (number: number): number => Number(fields[number - 3]);
  const ticks = { userTicks: field(14) + field(16), systemTicks: field(15) + field(17) };
  if (!Number.isFinite(ticks.userTicks + ticks.systemTicks)) throw new Error(`no times in ${line}`);
  return ticks;
}

/** CPU time of each process since it started. */
export function readCpu(processes: readonly MeasuredProcess[]): ProcessCpu[] {
  return processes.map(({ role, pid }) => {
    const { userTicks, systemTicks } = parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
    return { role, userUs: userTicks * ticksInUs(), systemUs: systemTicks * ticksInUs() };
  });
}

/** What each process used between two readings, per operation. */
export function cpuPerOperation(
  before: readonly ProcessCpu[],
  after: readonly ProcessCpu[],
  operations: number,
): ProcessCpu[] {
  return after.map(({ role, userUs, systemUs }, i) => ({
    role,
    userUs: (userUs - (before[i]?.userUs ?? 0)) / operations,
    systemUs: (systemUs - (before[i]?.systemUs ?? 0)) / operations,
  }));
}

/** CPU time of this process, its threads, and the programs that it ran and that have ended. */
export function ownCpuUs(): number {
  const { userTicks, systemTicks } = parseStat(readFileSync('/proc/self/stat', 'latin1'));
  return (userTicks + systemTicks) * ticksInUs();
}
