import {
  ASSUMPTIONS,
  DRAWS,
  type Mix,
  nodesFor,
  type OperationCosts,
  type Prediction,
  predict,
  proxiesFor,
  rateAt,
} from './cluster-model.ts';
import type { ScaleCosts, ScaleResult, ScaleRow, Series } from './measure-scale.ts';
import type { Plot } from './plots.ts';
import { machineText, markdownTable } from './results-text.ts';
import { type BarGroup, barChart, rangeChart } from './svg-chart.ts';
import { type ThreadCpu, totalOf } from './thread-cpu.ts';

const PROXY_COLOUR = '#0969da';
const STORAGE_COLOUR = '#9a6700';
const LOW_COLOUR = '#1a7f37';
const HIGH_COLOUR = '#cf222e';
/** How busy the busiest event loops of the model are to be. */
const BUSY = [0.5, 0.7, 0.85] as const;
const USUAL_BUSY = 0.7;
const SERIES: readonly { readonly series: Series; readonly name: string }[] = [
  { series: 'nodes', name: 'more storage nodes' },
  { series: 'proxies', name: 'more proxies' },
  { series: 'all', name: 'more of both and of the load' },
];
const NODES_PER_ZONE = [1, 2, 4, 8, 16, 33];
const LARGE_RATE = 1_000_000;

interface NamedMix extends Mix {
  readonly name: string;
}

function costsOf(row: ScaleRow, operation: ScaleCosts['operation']): ScaleCosts {
  const costs = row.costs.find((one) => one.operation === operation);
  if (costs === undefined) throw new Error(`${operation} was not measured`);
  return costs;
}

function largest({ rows }: ScaleResult): ScaleRow {
  const row = rows.at(-1);
  if (row === undefined) throw new Error('nothing was measured');
  return row;
}

function sizeText({ nodesPerZone, proxies }: { nodesPerZone: number; proxies: number }): string {
  const nodes = `${nodesPerZone} storage node${nodesPerZone === 1 ? '' : 's'} per zone`;
  return `${nodes}, ${proxies} ${proxies === 1 ? 'proxy' : 'proxies'}`;
}

/** The measured costs of the largest cluster. */
export function modelCosts(result: ScaleResult, operation: ScaleCosts['operation']): OperationCosts {
  const row = largest(result);
  const { proxy, storage, visits } = costsOf(row, operation);
  return {
    proxyLoopUs: proxy['main thread'],
    storageLoopUs: storage['main thread'],
    // What little there is can drown in what the threads do without a load.
    storagePoolUs: Math.max(0, storage['libuv workers'] + storage.RocksDB),
    visits,
  };
}

function mixesOf(result: ScaleResult): NamedMix[] {
  const costs = { get: modelCosts(result, 'GET'), set: modelCosts(result, 'SET') };
  return [
    { name: 'GET', ...costs, getShare: 1 },
    { name: '90% GET, 10% SET', ...costs, getShare: 0.9 },
    { name: 'SET', ...costs, getShare: 0 },
  ];
}

function split(cpu: ThreadCpu): string {
  return `${totalOf(cpu).toFixed(1)} (${cpu['main thread'].toFixed(1)})`;
}

function measuredTable({ rows }: ScaleResult): string {
  const [base] = rows;
  const cells = rows.flatMap((row) =>
    row.costs.map((costs) => {
      const { operation, proxy, storage, leastUs, mostUs, messages, visits, failed } = costs;
      const together = totalOf(proxy) + totalOf(storage);
      const first = base === undefined ? costs : costsOf(base, operation);
      return [
        operation,
        String(row.nodesPerZone),
        String(row.proxies),
        rate(row.ratePerSecond),
        split(proxy),
        split(storage),
        together.toFixed(1),
        `${leastUs.toFixed(0)}-${mostUs.toFixed(0)}`,
        (together / (totalOf(first.proxy) + totalOf(first.storage))).toFixed(2),
        visits.toFixed(2),
        messages.toFixed(2),
        String(failed),
      ];
    }),
  );
  cells.sort(([a = ''], [b = '']) => a.localeCompare(b));
  const heading = [
    '',
    '>nodes per zone',
    '>proxies',
    '>proxy us/op',
    '>storage us/op',
    '>together',
    '>spread',
    '>to the first',
  ];
  return markdownTable([...heading, '>visits/op', '>messages/op', '>failed'], cells);
}

function rate(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)}%`;
}

function predictionCells(one: Prediction): string[] {
  return [
    String(one.nodesPerZone * ASSUMPTIONS.zones),
    String(one.proxies),
    rate(one.perSecond),
    percent(one.storageUtilisation),
    percent(one.proxyUtilisation),
    one.p50Ms.toFixed(2),
    one.p99Ms.toFixed(2),
  ];
}

const PREDICTED = [
  '>storage nodes',
  '>proxies',
  '>operations/s',
  '>storage busy',
  '>proxies busy',
  '>p50 ms',
  '>p99 ms',
];

/** Clusters of growing size, each with the rate at which its nodes are that busy. */
export function grownClusters(mix: Mix, busy: number): Prediction[] {
  return NODES_PER_ZONE.flatMap((nodesPerZone) => {
    const perSecond = rateAt(mix, nodesPerZone, busy);
    return predict(mix, { nodesPerZone, proxies: proxiesFor(mix, perSecond, busy) }, perSecond) ?? [];
  });
}

/** The cluster that such a rate needs. */
export function clusterFor(mix: Mix, perSecond: number, busy: number): Prediction | null {
  const cluster = { nodesPerZone: nodesFor(mix, perSecond, busy), proxies: proxiesFor(mix, perSecond, busy) };
  return predict(mix, cluster, perSecond);
}

function modelText(result: ScaleResult): string {
  const mixes = mixesOf(result);
  const grown = mixes.flatMap((mix) =>
    grownClusters(mix, USUAL_BUSY).map((one) => [mix.name, ...predictionCells(one)]),
  );
  const large = mixes.flatMap((mix) =>
    BUSY.flatMap((busy) => {
      const one = clusterFor(mix, LARGE_RATE, busy);
      return one === null ? [] : [[mix.name, ...predictionCells(one)]];
    }),
  );
  const costs = (['get', 'set'] as const).map((operation) => {
    const [cost] = mixes.map((mix) => mix[operation]);
    if (cost === undefined) return '';
    const { proxyLoopUs, storageLoopUs, storagePoolUs, visits } = cost;
    return (
      `${operation.toUpperCase()}: ${proxyLoopUs.toFixed(1)} us of the proxy's event loop, ${storageLoopUs.toFixed(1)} us of the ` +
      `storage nodes' event loops and ${storagePoolUs.toFixed(1)} us of their other threads, ${visits.toFixed(2)} visits to them`
    );
  });
  return [
    '### A model of large clusters',
    '**This is a model, not a measurement.** It takes the costs of the largest cluster above and assumes the rest:',
    [
      `- **Measured** (${sizeText(largest(result))}): ${costs.join('; ')}.`,
      `- **Assumed**: three zones; ${ASSUMPTIONS.roundTripUs / 1_000} ms for a round trip between any proxy and any storage node, always ` +
        `the same; every process has a core for its event loop to itself, and a storage node ${ASSUMPTIONS.poolCores} more for its writes; ` +
        'nothing fails; keys are spread evenly; the disks and the network keep up; the way between client and proxy is left out.',
      '- **Queues**: event loops are M/M/1, the writing threads of a storage node M/M/c (Erlang C); arrivals everywhere are Poisson ' +
        'streams, response times at different stations and visits independent (as in a Jackson network). A GET visits the proxy, two ' +
        'storage nodes at once, of which the slower counts, and the proxy; a SET visits the proxy, two nodes (PREPARE), the proxy, three ' +
        'nodes and their writing threads (COMMIT), of which the second counts, and the proxy. p50 and p99 are of ' +
        `${rate(DRAWS)} draws from these distributions.`,
      '- **Not in it**: batches. The costs are those of a light load, under which an operation has messages of its own; with more load ' +
        'they are shared and an operation costs less, so a real cluster does more than the model. Pauses, skewed keys and failures make it slower than that.',
    ].join('\n'),
    `At ${percent(USUAL_BUSY)} of what the event loops can do, with as many proxies as that takes:`,
    markdownTable(['', ...PREDICTED], grown),
    `${rate(LARGE_RATE)} operations per second:`,
    markdownTable(['', ...PREDICTED], large),
  ].join('\n\n');
}

/** Tables of what was measured and of the model; markdown, below a heading of the second level. */
export function scaleText(result: ScaleResult): string {
  const { machine, keys, rounds, rows } = result;
  const range = (values: readonly number[]): string =>
    `${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)}`;
  return [
    `${machineText(machine)}. Separate processes over TCP on one machine, three zones, RocksDB, \`--fsync everysec\`; requests ` +
      `in a Poisson process, far fewer than the machine can do, over 48 connections to all proxies; values of 100 B, any of ${rate(keys)} keys through any proxy; warm.`,
    '### CPU time per operation with more processes',
    'On two cores more processes cannot do more operations, but they show whether an operation costs more where there are more: more ' +
      'storage nodes, more proxies, and more of both with a load that grows as they do. ' +
      'Microseconds of CPU time of all proxies and of all storage processes, all threads, in brackets the event loops alone; without what ' +
      `the processes use when nobody asks for anything, which is ${range(rows.map(({ idleProxyMs }) => idleProxyMs))} ms in each second for ` +
      `a proxy and ${range(rows.map(({ idleStorageMs }) => idleStorageMs))} ms for a storage process. Medians of ` +
      `${rounds} round${rounds === 1 ? '' : 's'}. Visits are the times that a storage node was asked about a record; those of one turn of ` +
      'the event loop to one node share a message. Both were counted by V8 in a run of their own.',
    measuredTable(result),
    modelText(result),
  ].join('\n\n');
}

/** The pictures that belong to the text. */
export function scalePlots(result: ScaleResult): Plot[] {
  const [base] = result.rows;
  const groups = (['GET', 'SET'] as const).flatMap((operation) =>
    SERIES.map(({ series, name }): BarGroup => {
      // The first row is the beginning of all series at the constant rate.
      const rows = result.rows.filter((row) => row.series === series || (row === base && series === 'proxies'));
      const bars = rows.map((row) => {
        const { proxy, storage } = costsOf(row, operation);
        return {
          label: sizeText(row),
          segments: [
            { value: totalOf(proxy), colour: PROXY_COLOUR, name: 'proxies' },
            { value: totalOf(storage), colour: STORAGE_COLOUR, name: 'storage nodes' },
          ],
          text: `${(totalOf(proxy) + totalOf(storage)).toFixed(1)} at ${rate(row.ratePerSecond)}/s`,
        };
      });
      return { label: `${operation}, ${name}`, bars };
    }),
  );
  const title = 'CPU time per operation with more processes';
  const legend = [
    { name: 'proxies', colour: PROXY_COLOUR },
    { name: 'storage nodes', colour: STORAGE_COLOUR },
  ];
  const measured = barChart({ title, axis: 'Microseconds, all processes of a role together', groups, legend });
  const modelled = rangeChart({
    title: 'A model, not a measurement: latency of large clusters',
    axis: 'Milliseconds at the proxy, event loops busy as said',
    pointNames: ['p50', 'p99'],
    groups: mixesOf(result).map((mix) => ({
      label: mix.name,
      lines: BUSY.flatMap((busy) =>
        grownClusters(mix, busy)
          .filter(({ nodesPerZone }) => nodesPerZone === NODES_PER_ZONE[0] || nodesPerZone === NODES_PER_ZONE.at(-1))
          .map(({ nodesPerZone, perSecond, p50Ms, p99Ms }) => ({
            label: `${nodesPerZone * ASSUMPTIONS.zones} nodes, ${percent(busy)}, ${rate(perSecond)}/s`,
            points: [p50Ms, p99Ms],
            colour: busy === BUSY[0] ? LOW_COLOUR : busy === USUAL_BUSY ? PROXY_COLOUR : HIGH_COLOUR,
          })),
      ),
    })),
  });
  return [
    { file: 'scale.svg', caption: title, svg: measured },
    { file: 'scale-model.svg', caption: 'A model: latency of large clusters', svg: modelled },
  ];
}
