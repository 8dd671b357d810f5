import { CODE_PARTS, type CodePart, PART_NOTES } from './code-parts.ts';
import type { RoomsResult, RoomsRow } from './measure-rooms.ts';
import type { Plot } from './plots.ts';
import { machineText, markdownTable } from './results-text.ts';
import { type Bar, barChart } from './svg-chart.ts';
import { THREAD_GROUPS, type ThreadGroup, totalOf } from './thread-cpu.ts';

/** System calls rarer than this are not shown each. */
const LEAST_CALLS = 0.01;
/** Parts smaller than this in all rows, in microseconds, bytes and calls, are left out. */
const LEAST_PART = 0.005;

/** Reds: the way in and out; blues: agreement; greens: encryption; browns: disk; greys: the engine below. */
const COLOURS: Readonly<Record<CodePart, string>> = {
  'src/resp': '#cf222e',
  'src/proxy': '#fa7970',
  'src/juno-ext': '#ffb3ad',
  'src/quorum': '#0969da',
  'src/rpc': '#54aeff',
  'src/record': '#8250df',
  'src/crypto': '#1a7f37',
  libsodium: '#4ac26b',
  'src/cluster': '#c297ff',
  'src/storage': '#9a6700',
  'RocksDB binding': '#d4a72c',
  'src/base': '#bf3989',
  'src/admin': '#ff8fc8',
  'sockets and streams': '#424a53',
  'rest of Node': '#6e7781',
  'garbage collector': '#afb8c1',
  'native code': '#8c959f',
  'other code': '#d0d7de',
};

const THREAD_COLOURS: Readonly<Record<ThreadGroup, string>> = {
  'main thread': '#0969da',
  'V8 workers': '#afb8c1',
  'libuv workers': '#9a6700',
  RocksDB: '#d4a72c',
  'other threads': '#d0d7de',
};

function nameOf({ operation, pipeline }: RoomsRow): string {
  return `${operation} P${pipeline}`;
}

/** Microseconds of the main thread in this part. */
function partUs(row: RoomsRow, part: CodePart): number {
  return row.cpuShares[part] * row.threads['main thread'];
}

/** A row for each part and a sum below, a column for each load. */
function partTable(result: RoomsResult, digits: number, value: (row: RoomsRow, part: CodePart) => number): string {
  const { rows } = result;
  const parts = CODE_PARTS.filter((part) => rows.some((row) => value(row, part) >= LEAST_PART));
  const cells = parts.map((part) => [part, ...rows.map((row) => value(row, part).toFixed(digits))]);
  const sums = rows.map((row) => parts.reduce((sum, part) => sum + value(row, part), 0).toFixed(digits));
  return markdownTable(['', ...rows.map((row) => `>${nameOf(row)}`)], [...cells, ['together', ...sums]]);
}

function threadTable({ rows }: RoomsResult): string {
  const groups = THREAD_GROUPS.filter((group) => rows.some(({ threads }) => threads[group] >= LEAST_PART));
  const cells = groups.map((group) => [group, ...rows.map(({ threads }) => threads[group].toFixed(2))]);
  const sums = ['together', ...rows.map(({ threads }) => totalOf(threads).toFixed(2))];
  const spread = rows.map(({ totalLeastUs, totalMostUs }) => `${totalLeastUs.toFixed(1)}-${totalMostUs.toFixed(1)}`);
  return markdownTable(['', ...rows.map((row) => `>${nameOf(row)}`)], [...cells, sums, ['spread', ...spread]]);
}

function eventTable({ rows }: RoomsResult): string {
  const [first] = rows;
  const names = first?.calls.events.map(({ name }) => name) ?? [];
  const cells = names.map((name, i) => [
    name,
    ...rows.map(({ calls }) => (calls.events[i]?.perOperation ?? 0).toFixed(3)),
  ]);
  return markdownTable(['', ...rows.map((row) => `>${nameOf(row)}`)], cells);
}

function systemCallTable({ rows, systemCallTool }: RoomsResult): string {
  const counted = rows.filter(({ systemCalls }) => systemCalls !== null);
  if (counted.length === 0)
    return 'System calls were not counted: neither perf nor strace can do that on this machine.';
  const names = [...new Set(counted.flatMap(({ systemCalls }) => Object.keys(systemCalls ?? {})))];
  const of = (row: RoomsRow, name: string): number => row.systemCalls?.[name] ?? 0;
  const sum = (row: RoomsRow): number => names.reduce((all, name) => all + of(row, name), 0);
  const shown = names.filter((name) => counted.some((row) => of(row, name) >= LEAST_CALLS));
  shown.sort((a, b) => counted.reduce((by, row) => by + of(row, b) - of(row, a), 0));
  const cells = shown.map((name) => [`\`${name}\``, ...counted.map((row) => of(row, name).toFixed(3))]);
  const table = markdownTable(
    ['', ...counted.map((row) => `>${nameOf(row)}`)],
    [...cells.filter(([name]) => name !== '`other`'), ['all', ...counted.map((row) => sum(row).toFixed(3))]],
  );
  return `System calls, of all threads, counted by ${systemCallTool}:\n\n${table}`;
}

function largest(row: RoomsRow): string {
  const parts = [...CODE_PARTS].sort((a, b) => row.cpuShares[b] - row.cpuShares[a]).slice(0, 3);
  const named = parts.map((part) => `${part} ${(row.cpuShares[part] * 100).toFixed(0)}%`).join(', ');
  const main = (100 * row.threads['main thread']) / totalOf(row.threads);
  return `- **${nameOf(row)}**: ${totalOf(row.threads).toFixed(1)} us of CPU time, ${main.toFixed(0)}% of it in the main thread; there ${named}.`;
}

/** Tables of what an operation costs; markdown, below a heading of the second level. */
export function roomsText(result: RoomsResult): string {
  const { machine, rounds, rows } = result;
  const samples = Math.min(...rows.map(({ cpuSamples }) => cpuSamples));
  const failed = rows.filter(({ failedRuns }) => failedRuns > 0).map((row) => `${nameOf(row)} ${row.failedRuns}`);
  return [
    `${machineText(machine)}. ${rounds} round${rounds === 1 ? '' : 's'}. \`junokv start\`, RocksDB, \`--fsync everysec\`; ` +
      `redis-benchmark with 50 connections, values of 100 B, uniform keys; warm. P1 and P16: requests in one write.` +
      (failed.length === 0 ? '' : ` Runs that were repeated because a request failed: ${failed.join(', ')}.`),
    rows.map(largest).join('\n'),
    '### CPU time per operation, by thread',
    "Microseconds, from the scheduler's own account of each thread (`/proc/PID/task/*/schedstat`), with no profiler running. The main " +
      'thread is the event loop, with all JavaScript: when it has a core to itself and no pause, it does a million operations in as ' +
      'many seconds as it needs microseconds for one, and that is the limit of one process.',
    threadTable(result),
    '### CPU time of the main thread, by room',
    `Microseconds per operation: its CPU time above, divided in the shares of self time that V8's sampling profiler saw in another run of ` +
      `the same load (at least ${samples} samples, one every 100 us). Native functions belong to the room that calls them, but for these:`,
    PART_NOTES.map((note) => `- ${note}`).join('\n'),
    partTable(result, 2, partUs),
    '### Bytes allocated per operation, by room',
    "On the JavaScript heap, what was collected again included: V8's sampling heap profiler, one sample every 16 KB. Memory of buffers " +
      'outside the heap is not in it.',
    partTable(result, 0, (row, part) => row.heapBytes[part]),
    '### Calls per operation, by room',
    'Calls of functions, each counted by V8 (precise coverage, with which JavaScript runs at about half its speed).',
    partTable(result, 1, (row, part) => row.calls.calls[part]),
    '### Events per operation',
    'Calls of one function each, so counted and not estimated. What is below one is shared: requests, batches and writes carry what ' +
      'arrived in one turn of the event loop, so they depend on the load (here: 50 connections, each with one batch under way).',
    eventTable(result),
    systemCallTable(result),
  ].join('\n\n');
}

/** The pictures that belong to the text. */
export function roomsPlots(result: RoomsResult): Plot[] {
  const { rows } = result;
  const parts = CODE_PARTS.filter((part) => rows.some((row) => partUs(row, part) >= LEAST_PART));
  const byRoom: Bar[] = rows.map((row) => ({
    label: nameOf(row),
    segments: parts.map((part) => ({ value: partUs(row, part), colour: COLOURS[part], name: part })),
    text: row.threads['main thread'].toFixed(1),
  }));
  const groups = THREAD_GROUPS.filter((group) => rows.some(({ threads }) => threads[group] >= LEAST_PART));
  const byThread: Bar[] = rows.map((row) => ({
    label: nameOf(row),
    segments: groups.map((group) => ({ value: row.threads[group], colour: THREAD_COLOURS[group], name: group })),
    text: totalOf(row.threads).toFixed(1),
  }));
  const svg = barChart({
    title: 'CPU time per operation of junokv in one process',
    axis: 'Microseconds',
    groups: [
      { label: 'All threads', bars: byThread },
      { label: 'Main thread, by room', bars: byRoom },
    ],
    legend: [
      ...groups.map((group) => ({ name: group, colour: THREAD_COLOURS[group] })),
      ...parts.map((part) => ({ name: part, colour: COLOURS[part] })),
    ],
  });
  return [{ file: 'rooms.svg', caption: 'CPU time per operation of junokv in one process, by thread and room', svg }];
}
