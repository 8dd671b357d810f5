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
import type { ScaleCosts, ScaleResult, ScaleRow } from './measure-scale.ts';
import type { Plot } from './plots.ts';
import { markdownTable, rate } from './results-text.ts';
import { rangeChart } from './svg-chart.ts';

/** How busy the event loops of the model are to be. */
const BUSY = [
  { busy: 0.5, colour: '#1a7f37' },
  { busy: 0.7, colour: '#0969da' },
  { busy: 0.85, colour: '#cf222e' },
] as const;
const USUAL_BUSY = 0.7;
const NODES_PER_ZONE = [1, 2, 4, 8, 16, 33];
const LARGEST = 33;
const LARGE_RATE = 1_000_000;
const MIXES = [
  { name: 'GET', getShare: 1 },
  { name: '90% GET, 10% SET', getShare: 0.9 },
  { name: 'SET', getShare: 0 },
] as const;
const USUAL_MIX = MIXES[1];

export function costsOf(row: ScaleRow, operation: ScaleCosts['operation']): ScaleCosts {
  const costs = row.costs.find((one) => one.operation === operation);
  if (costs === undefined) throw new Error(`${operation} was not measured`);
  return costs;
}

export function sizeText({ nodesPerZone, proxies }: { nodesPerZone: number; proxies: number }): string {
  const nodes = `${nodesPerZone} storage node${nodesPerZone === 1 ? '' : 's'} per zone`;
  return `${nodes}, ${proxies} ${proxies === 1 ? 'proxy' : 'proxies'}`;
}

/** Costs that the model may take. */
interface Calibration {
  readonly name: string;
  readonly row: ScaleRow;
}

/** The two ends: few processes that share messages and stay in the processor's caches, and many that do neither. */
function calibrations({ rows }: ScaleResult): Calibration[] {
  const [first, last] = [rows[0], rows.at(-1)];
  if (first === undefined || last === undefined) throw new Error('nothing was measured');
  return [
    { name: 'low', row: first },
    { name: 'high', row: last },
  ];
}

function modelCosts(row: ScaleRow, operation: ScaleCosts['operation']): OperationCosts {
  const { proxy, storage, counts } = costsOf(row, operation);
  return {
    proxyLoopUs: proxy['main thread'],
    storageLoopUs: storage['main thread'],
    // What little there is can drown in what the threads do without a load.
    storagePoolUs: Math.max(0, storage['libuv workers'] + storage.RocksDB),
    visits: counts.visits,
  };
}

function mixOf({ row }: Calibration, getShare: number): Mix {
  return { get: modelCosts(row, 'GET'), set: modelCosts(row, 'SET'), getShare };
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

/** A cluster at the rate with which its storage nodes are that busy, with as many proxies as that takes; none if it cannot be. */
function grown(mix: Mix, nodesPerZone: number, busy: number): Prediction[] {
  const perSecond = rateAt(mix, nodesPerZone, busy);
  const one = predict(mix, { nodesPerZone, proxies: proxiesFor(mix, perSecond, busy) }, perSecond);
  return one === null ? [] : [one];
}

/** The cluster that such a rate needs. */
function clusterFor(mix: Mix, perSecond: number, busy: number): Prediction[] {
  const cluster = { nodesPerZone: nodesFor(mix, perSecond, busy), proxies: proxiesFor(mix, perSecond, busy) };
  const one = predict(mix, cluster, perSecond);
  return one === null ? [] : [one];
}

function costsText({ name, row }: Calibration): string {
  const texts = (['GET', 'SET'] as const).map((operation) => {
    const { proxyLoopUs, storageLoopUs, storagePoolUs, visits } = modelCosts(row, operation);
    return (
      `${operation} ${proxyLoopUs.toFixed(1)} us of a proxy's event loop, ${storageLoopUs.toFixed(1)} us of storage nodes' event loops ` +
      `and ${storagePoolUs.toFixed(1)} us of their other threads, in ${visits.toFixed(2)} visits`
    );
  });
  return `**${name}** (${sizeText(row)}, ${rate(row.ratePerSecond)} operations/s): ${texts.join('; ')}`;
}

/** What the model takes, assumes and says. */
export function modelText(result: ScaleResult): string {
  const costs = calibrations(result);
  const sizes = costs.flatMap((calibration) => {
    const mix = mixOf(calibration, USUAL_MIX.getShare);
    return NODES_PER_ZONE.flatMap((nodesPerZone) => grown(mix, nodesPerZone, USUAL_BUSY)).map((one) => [
      calibration.name,
      ...predictionCells(one),
    ]);
  });
  const large = MIXES.flatMap(({ name, getShare }) =>
    costs.flatMap((calibration) =>
      clusterFor(mixOf(calibration, getShare), LARGE_RATE, USUAL_BUSY).map((one) => [
        name,
        calibration.name,
        ...predictionCells(one),
      ]),
    ),
  );
  return [
    '### A model of large clusters',
    '**This is a model, not a measurement.** It takes costs that were measured above and assumes the rest:',
    [
      `- **Measured**, at two ends between which a cluster will be: ${costs.map(costsText).join('. ')}. Low: few processes, whose ` +
        'operations share messages; high: many processes on few cores, nothing shared.',
      `- **Assumed**: three zones; ${ASSUMPTIONS.roundTripUs / 1_000} ms for a round trip between any proxy and any storage node, always ` +
        `the same; every process has a core for its event loop to itself, and a storage node ${ASSUMPTIONS.poolCores} more for its writes; ` +
        'nothing fails; keys are spread evenly; the disks and the network keep up; the way between client and proxy is left out.',
      '- **Queues**: event loops are M/M/1, the writing threads of a storage node M/M/c (Erlang C); arrivals everywhere are Poisson ' +
        'streams, response times at different stations and visits independent (as in a Jackson network). A GET visits the proxy, two ' +
        'storage nodes at once, of which the slower counts, and the proxy; a SET visits the proxy, two nodes (PREPARE), the proxy, three ' +
        'nodes and their writing threads (COMMIT), of which the second counts, and the proxy. p50 and p99 are of ' +
        `${rate(DRAWS)} draws from these distributions.`,
      '- **Not in it**: that an operation costs less the busier the processes are, since more share their messages; pauses, skewed keys, ' +
        'failures.',
    ].join('\n'),
    `${USUAL_MIX.name}, at ${percent(USUAL_BUSY)} of what the storage nodes' event loops can do, with as many proxies as that takes:`,
    markdownTable(['costs', ...PREDICTED], sizes),
    `${rate(LARGE_RATE)} operations per second, event loops ${percent(USUAL_BUSY)} busy:`,
    markdownTable(['', 'costs', ...PREDICTED], large),
  ].join('\n\n');
}

/** Latency of the largest cluster at different loads. */
export function modelPlot(result: ScaleResult): Plot {
  const title = `A model, not a measurement: latency of ${LARGEST * ASSUMPTIONS.zones} storage nodes`;
  const groups = calibrations(result).flatMap((calibration) =>
    MIXES.map(({ name, getShare }) => {
      const mix = mixOf(calibration, getShare);
      const lines = BUSY.flatMap(({ busy, colour }) =>
        grown(mix, LARGEST, busy).map(({ proxies, perSecond, p50Ms, p99Ms }) => ({
          label: `${percent(busy)}, ${proxies} proxies, ${rate(perSecond)}/s`,
          points: [p50Ms, p99Ms],
          colour,
        })),
      );
      return { label: `${name}, ${calibration.name} costs`, lines };
    }),
  );
  const axis = 'Milliseconds at the proxy, storage nodes busy as said';
  return {
    file: 'scale-model.svg',
    caption: title,
    svg: rangeChart({ title, axis, pointNames: ['p50', 'p99'], groups }),
  };
}
