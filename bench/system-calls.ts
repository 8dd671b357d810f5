import { spawn, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

/** How often each system call was made by the threads of a process; `other` is the rest of all. */
export type SystemCalls = Readonly<Record<string, number>>;

type Tool = 'perf' | 'strace';

const NAMES = [
  ...['read', 'readv', 'recvmsg', 'write', 'writev', 'sendmsg', 'pread64', 'pwrite64', 'fdatasync', 'fsync'],
  ...['epoll_wait', 'epoll_pwait', 'futex', 'io_uring_enter', 'mmap', 'munmap', 'madvise', 'mprotect'],
];
const ALL = 'raw_syscalls:sys_enter';
const ENTRY = 'syscalls:sys_enter_';
/** The tools need this long to attach to all threads of a process. */
const ATTACH_MS = 1_000;
const STOP_MS = 10_000;

/** What can count here: perf hardly slows the process down; strace does, but needs no rights. Null: neither can. */
export function systemCallTool(): Tool | null {
  const tried = spawnSync('perf', ['stat', '-x,', '-e', `${ALL},${ENTRY}futex`, 'true'], { encoding: 'utf8' });
  if (tried.error === undefined && parsePerf(tried.stderr) !== null) return 'perf';
  const traced = spawnSync('strace', ['-c', 'true'], { encoding: 'utf8' });
  return traced.error === undefined && parseStrace(traced.stderr) !== null ? 'strace' : null;
}

/** perf stat -x,: count, unit, event, ...; null where the whole was not counted. */
export function parsePerf(output: string): SystemCalls | null {
  const counts = new Map<string, number>();
  for (const line of output.split('\n')) {
    const [count = '', , event = ''] = line.split(',');
    if (event !== '' && Number.isFinite(Number(count))) counts.set(event, Number(count));
  }
  const all = counts.get(ALL);
  if (all === undefined) return null;
  const named = [...counts].filter(([event, count]) => event.startsWith(ENTRY) && count > 0);
  const other = all - named.reduce((sum, [, count]) => sum + count, 0);
  return Object.fromEntries([...named.map(([event, count]) => [event.slice(ENTRY.length), count]), ['other', other]]);
}

/** strace -c: % time, seconds, usecs/call, calls, errors or nothing, name; null where there is no table. */
export function parseStrace(output: string): SystemCalls | null {
  const counts: Record<string, number> = {};
  for (const line of output.split('\n')) {
    const [, calls, name = ''] = /^ *[\d.]+ +[\d.]+ +\d+ +(\d+)(?: +\d+)? +([a-z_0-9]+)$/.exec(line) ?? [];
    if (calls === undefined || name === 'total') continue;
    const known = NAMES.includes(name) ? name : 'other';
    counts[known] = (counts[known] ?? 0) + Number(calls);
  }
  return Object.keys(counts).length === 0 ? null : counts;
}

function argumentsOf(tool: Tool, pids: readonly number[], names: readonly string[]): string[] {
  if (tool === 'strace') return ['-c', '-f', ...pids.flatMap((pid) => ['-p', String(pid)])];
  // Not every kernel has every call, and perf refuses a list with an unknown name.
  const known = knownEvents();
  const named = names.map((name) => `${ENTRY}${name}`).filter((event) => known === null || known.has(event));
  return ['stat', '-x,', '-e', [ALL, ...named].join(','), '-p', pids.join(',')];
}

/** Null where the system does not list them. */
function knownEvents(): ReadonlySet<string> | null {
  try {
    return new Set(readdirSync('/sys/kernel/tracing/events/syscalls').map((name) => `syscalls:${name}`));
  } catch {
    return null;
  }
}

/** Counts, these names apart, from now until the returned function is called, which gives null if that failed. */
export async function countSystemCalls(
  tool: Tool,
  pids: readonly number[],
  names: readonly string[] = NAMES,
): Promise<() => Promise<SystemCalls | null>> {
  const child = spawn(tool, argumentsOf(tool, pids, names), { stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const ended = new Promise<void>((resolve) => {
    child.on('error', () => resolve());
    child.on('close', () => resolve());
  });
  await new Promise((resolve) => setTimeout(resolve, ATTACH_MS));
  return async () => {
    child.kill('SIGINT');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(timer);
    return tool === 'perf' ? parsePerf(output) : parseStrace(output);
  };
}
