import { readdirSync, readFileSync } from 'node:fs';

/** The threads of junokv, by what they do. */
export const THREAD_GROUPS = ['main thread', 'V8 workers', 'libuv workers', 'RocksDB', 'other threads'] as const;

export type ThreadGroup = (typeof THREAD_GROUPS)[number];

/** CPU time of each group of threads, in microseconds: since they started, of a run, or of one operation. */
export type ThreadCpu = Readonly<Record<ThreadGroup, number>>;

const NS_PER_US = 1_000;

function sumBy(us: (group: ThreadGroup) => number): ThreadCpu {
  const [main, v8, libuv, rocksdb, other] = THREAD_GROUPS;
  return { [main]: us(main), [v8]: us(v8), [libuv]: us(libuv), [rocksdb]: us(rocksdb), [other]: us(other) };
}

export const NO_CPU: ThreadCpu = sumBy(() => 0);

/** By the name that the thread gave itself; the first thread of a process has the process's id. */
export function groupOf(pid: number, threadId: number, name: string): ThreadGroup {
  if (threadId === pid) return 'main thread';
  if (/^(V8Worker|DelayedTaskSche|node$)/.test(name)) return 'V8 workers';
  if (name.startsWith('libuv')) return 'libuv workers';
  return name.startsWith('rocksdb') ? 'RocksDB' : 'other threads';
}

/** CPU time of a process so far; to the nanosecond, where /proc/PID/stat has ticks of 10 ms. */
export function readThreadCpu(pid: number): ThreadCpu {
  const sums = { ...NO_CPU };
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const of = (file: string): string => readFileSync(`/proc/${pid}/task/${thread}/${file}`, 'latin1');
    try {
      const ranNs = Number(of('schedstat').split(' ')[0]);
      if (!Number.isFinite(ranNs)) throw new Error('this kernel does not count the CPU time of threads');
      sums[groupOf(pid, Number(thread), of('comm').trim())] += ranNs / NS_PER_US;
    } catch (error) {
      // A thread may end while it is looked at.
      if (!(error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')))
        throw error;
    }
  }
  return sums;
}

/** Of all processes together. */
export function readAllThreadCpu(pids: readonly number[]): ThreadCpu {
  const all = pids.map(readThreadCpu);
  return sumBy((group) => all.reduce((sum, cpu) => sum + cpu[group], 0));
}

/** What was used between two readings, divided by `parts`. */
export function cpuBetween(before: ThreadCpu, after: ThreadCpu, parts: number): ThreadCpu {
  return sumBy((group) => (after[group] - before[group]) / parts);
}

/** Group by group. */
export function combineCpu(all: readonly ThreadCpu[], combine: (values: number[]) => number): ThreadCpu {
  return sumBy((group) => combine(all.map((cpu) => cpu[group])));
}

export function totalOf(cpu: ThreadCpu): number {
  return THREAD_GROUPS.reduce((sum, group) => sum + cpu[group], 0);
}
