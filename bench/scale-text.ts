import type { Counts } from './cluster-counts.ts';
import type { ScaleCosts, ScaleResult, ScaleRow, Series } from './measure-scale.ts';
import { costsOf, modelPlot, modelText, sizeText } from './model-text.ts';
import type { Plot } from './plots.ts';
import { machineText, markdownTable, rate } from './results-text.ts';
import { type BarGroup, barChart } from './svg-chart.ts';
import { type ThreadCpu, totalOf } from './thread-cpu.ts';

const OPERATIONS = ['GET', 'SET'] as const;
const PROXY_COLOUR = '#0969da';
const STORAGE_COLOUR = '#9a6700';
const LEGEND = [
  { name: 'proxies', colour: PROXY_COLOUR },
  { name: 'storage nodes', colour: STORAGE_COLOUR },
];
const SERIES: readonly { readonly series: Series; readonly name: string }[] = [
  { series: 'nodes', name: 'more storage nodes' },
  { series: 'proxies', name: 'more proxies' },
  { series: 'all', name: 'more of both and of the load' },
];

/** One operation in the sizes of one series, the smallest first. */
interface Growth {
  readonly name: string;
  readonly rows: readonly { readonly row: ScaleRow; readonly costs: ScaleCosts }[];
}

function growths({ rows }: ScaleResult): Growth[] {
  const [base] = rows;
  return OPERATIONS.flatMap((operation) =>
    SERIES.map(({ series, name }) => ({
      name: `${operation}, ${name}`,
      // More proxies begin where more storage nodes do.
      rows: rows
        .filter((row) => row.series === series || (row === base && series === 'proxies'))
        .map((row) => ({ row, costs: costsOf(row, operation) })),
    })),
  );
}

function together({ proxy, storage }: ScaleCosts): number {
  return totalOf(proxy) + totalOf(storage);
}

function split(cpu: ThreadCpu): string {
  return `${totalOf(cpu).toFixed(1)} (${cpu['main thread'].toFixed(1)})`;
}

function sizeCells({ nodesPerZone, proxies, ratePerSecond }: ScaleRow): string[] {
  return [String(nodesPerZone), String(proxies), rate(ratePerSecond)];
}

const SIZE = ['', '>nodes per zone', '>proxies', '>operations/s'];

function cpuTable(result: ScaleResult): string {
  const cells = growths(result).flatMap(({ name, rows }) =>
    rows.map(({ row, costs }) => {
      const first = rows[0]?.costs ?? costs;
      return [
        name,
        ...sizeCells(row),
        split(costs.proxy),
        split(costs.storage),
        together(costs).toFixed(1),
        `${costs.leastUs.toFixed(0)}-${costs.mostUs.toFixed(0)}`,
        (together(costs) / together(first)).toFixed(2),
        String(costs.failed),
      ];
    }),
  );
  const heading = ['>proxies us/op', '>storage us/op', '>together', '>spread', '>to the first', '>failed'];
  return markdownTable([...SIZE, ...heading], cells);
}

function calls({ proxyCalls, storageCalls }: Counts): number {
  return proxyCalls + storageCalls;
}

function countTable(result: ScaleResult): string {
  const counted = (value: number | null): string => value?.toFixed(1) ?? '';
  const cells = growths(result).flatMap(({ name, rows }) =>
    rows.map(({ row, costs: { counts } }) => [
      name,
      ...sizeCells(row),
      counts.visits.toFixed(2),
      counts.messages.toFixed(2),
      counts.proxyCalls.toFixed(0),
      counts.storageCalls.toFixed(0),
      (calls(counts) / calls(rows[0]?.costs.counts ?? counts)).toFixed(2),
      counted(counts.proxySystemCalls),
      counted(counts.storageSystemCalls),
    ]),
  );
  const heading = ['>visits', '>messages', '>calls in proxies', '>calls in storage', '>to the first'];
  return markdownTable([...SIZE, ...heading, '>system calls of proxies', '>of storage'], cells);
}

function range(values: readonly number[]): string {
  return `${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)}`;
}

/** Tables of what was measured and of the model; markdown, below a heading of the second level. */
export function scaleText(result: ScaleResult): string {
  const { machine, keys, rounds, rows } = result;
  return [
    `${machineText(machine)}. Separate processes over TCP on one machine, three zones, RocksDB, \`--fsync everysec\`; requests in a ` +
      'Poisson process, far fewer than the machine can do, over 48 connections to all proxies; values of 100 B, any of ' +
      `${rate(keys)} keys through any proxy; warm.`,
    'On a machine with few cores more processes cannot do more operations, but they show whether an operation is more work where ' +
      'there are more: more storage nodes, more proxies, and more of both with a load that grows as they do.',
    '### Work per operation with more processes',
    'Counted, so whatever else the machine does: the times that a storage node was asked about a record (visits), the messages that ' +
      'these were sent in, and the calls of JavaScript functions and of the system in all proxies and all storage processes, less what ' +
      'they do when nobody asks for anything. Visits to one node in the same turn of the event loop share a message: with more ' +
      'processes, and the same load, fewer do, until each has its own.',
    countTable(result),
    '### CPU time per operation with more processes',
    'Microseconds of CPU time of all proxies and of all storage processes, all threads, in brackets the event loops alone; medians of ' +
      `${rounds} round${rounds === 1 ? '' : 's'}; less what the processes use when nobody asks for anything, which is ` +
      `${range(rows.map(({ idleProxyMs }) => idleProxyMs))} ms in each second for a proxy and ` +
      `${range(rows.map(({ idleStorageMs }) => idleStorageMs))} ms for a storage process. With more processes the same work takes ` +
      'more time, most likely because those that take turns on few cores find the processor caches full of what the others did, the more ' +
      'so the rarer their turn is: the counts above show how much of a difference is work.',
    cpuTable(result),
    modelText(result),
  ].join('\n\n');
}

function growthPlot(result: ScaleResult, file: string, title: string, axis: string, of: PlotValues): Plot {
  const groups = growths(result).map(({ name, rows }): BarGroup => {
    const bars = rows.map(({ row, costs }) => {
      const { proxy, storage } = of(costs);
      return {
        label: sizeText(row),
        segments: [
          { value: Math.max(0, proxy), colour: PROXY_COLOUR, name: 'proxies' },
          { value: Math.max(0, storage), colour: STORAGE_COLOUR, name: 'storage nodes' },
        ],
        text: `${(proxy + storage).toFixed(0)} at ${rate(row.ratePerSecond)}/s`,
      };
    });
    return { label: name, bars };
  });
  return { file, caption: title, svg: barChart({ title, axis, groups, legend: LEGEND }) };
}

type PlotValues = (costs: ScaleCosts) => { readonly proxy: number; readonly storage: number };

/** The pictures that belong to the text. */
export function scalePlots(result: ScaleResult): Plot[] {
  const axis = 'All processes of a role together';
  return [
    growthPlot(result, 'scale-calls.svg', 'Function calls per operation with more processes', axis, ({ counts }) => ({
      proxy: counts.proxyCalls,
      storage: counts.storageCalls,
    })),
    growthPlot(result, 'scale.svg', 'CPU time per operation with more processes', `${axis}, microseconds`, (costs) => ({
      proxy: totalOf(costs.proxy),
      storage: totalOf(costs.storage),
    })),
    modelPlot(result),
  ];
}
