import { median } from './figures.ts';
import type { ConnectionsResult, ConnectionsRun, TransportResult } from './measure-connections.ts';
import { machineText, markdownTable, rate } from './results-text.ts';

/** What the p99 of active connections may be beside idle ones, as a ratio to that without them. */
export const P99_RATIO_AIM = 1.5;

type LatencyName = 'p50Ms' | 'p99Ms' | 'p999Ms' | 'proxyCpuUs';

function medianOf(runs: readonly ConnectionsRun[], name: LatencyName): number {
  return median(runs.map((run) => run[name]));
}

/** Of the medians. */
export function ratioOfIdle({ withIdle, withoutIdle }: TransportResult, name: LatencyName): number {
  return medianOf(withIdle, name) / medianOf(withoutIdle, name);
}

function failedOf(runs: readonly ConnectionsRun[]): number {
  return runs.reduce((sum, { failed }) => sum + failed, 0);
}

/** Least and most of the rounds' own ratios. */
function spreadOf({ withIdle, withoutIdle }: TransportResult, name: LatencyName): string {
  const ratios = withIdle.map((run, round) => run[name] / (withoutIdle[round]?.[name] ?? Number.NaN));
  return `${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)}`;
}

function latencyTable(result: ConnectionsResult): string {
  const cells = result.transports.flatMap((one) => {
    const row = (idle: number, runs: readonly ConnectionsRun[], more: readonly string[]): string[] => [
      one.transport,
      rate(idle),
      medianOf(runs, 'p50Ms').toFixed(2),
      medianOf(runs, 'p99Ms').toFixed(2),
      medianOf(runs, 'p999Ms').toFixed(2),
      medianOf(runs, 'proxyCpuUs').toFixed(1),
      ...more,
      String(failedOf(runs)),
    ];
    const ratios = (['p50Ms', 'p99Ms', 'proxyCpuUs'] as const).map((name) => ratioOfIdle(one, name).toFixed(2));
    const [p50 = '', p99 = '', cpu = ''] = ratios;
    return [
      row(0, one.withoutIdle, ['', '', '', '']),
      row(result.idle, one.withIdle, [p50, p99, spreadOf(one, 'p99Ms'), cpu]),
    ];
  });
  const latencies = ['>p50 ms', '>p99 ms', '>p99.9 ms', '>proxy CPU us/op'];
  const ratios = ['>p50, to none', '>p99, to none', '>spread', '>CPU, to none'];
  return markdownTable(['', '>idle', ...latencies, ...ratios, '>failed'], cells);
}

function memoryTable({ idle, transports }: ConnectionsResult): string {
  const each = (bytes: number): string => (bytes / idle / 1_024).toFixed(1);
  const cells = transports.map(({ transport, memory, quietMs, quietWithIdleMs, openMs, lost }) => [
    transport,
    each(memory.residentBytes),
    each(memory.heapBytes),
    each(memory.externalBytes),
    quietMs.toFixed(1),
    quietWithIdleMs.toFixed(1),
    rate((idle / openMs) * 1_000),
    String(lost),
  ]);
  const bytes = ['>resident KiB each', '>heap KiB each', '>buffers KiB each'];
  const quiet = ['>quiet CPU ms/s, none idle', '>all idle', '>connected/s', '>lost'];
  return markdownTable(['', ...bytes, ...quiet], cells);
}

/** Tables of what was measured; markdown, below a heading of the second level. */
export function connectionsText(result: ConnectionsResult): string {
  const { machine, idle, active, ratePerSecond, keys, rounds, transports } = result;
  const verdicts = transports.map((one) => {
    const ratio = ratioOfIdle(one, 'p99Ms');
    const holds = ratio <= P99_RATIO_AIM ? 'holds' : 'does not hold';
    return `- **${one.transport}**: p99 is ${ratio.toFixed(2)} times that without idle connections; at most ${P99_RATIO_AIM} ${holds}.`;
  });
  return [
    `${machineText(machine)}. One proxy and three storage nodes as processes of their own, RocksDB, \`--fsync everysec\`; ` +
      `${rate(active)} active connections send ${rate(ratePerSecond)} requests/s in all in a Poisson process, 80% GET and 20% SET, values of 100 B, ` +
      `any of ${rate(keys)} keys; ${rate(idle)} idle ones are held by another process, each of which has sent one PING. ` +
      `Medians of ${rounds} round${rounds === 1 ? '' : 's'}, in each of which all idle connections come and go.`,
    verdicts.join('\n'),
    '### Active connections beside idle ones',
    'Latencies count from the moment at which a request was to be sent. CPU time is that of the proxy for a request.',
    latencyTable(result),
    '### An idle connection',
    'What the proxy holds of each, after it has let go of what idle ones do not need and its garbage was collected: resident memory of the ' +
      "process (without the kernel's part of a socket), JavaScript heap, and buffers outside it that V8 knows of; and CPU time of the proxy in " +
      'a second in which nobody sends anything. Connections are opened 64 at once, by one process.',
    memoryTable(result),
  ].join('\n\n');
}
