import { countText } from '../load/number-text.ts';
import { bytesText, spanText } from '../members/units.ts';
import { type Column, fitted, type Line, type Span, tableLines } from './screen.ts';
import type { CommandView, NodeView, ProxyView, TopView } from './view.ts';

export interface FrameSize {
  readonly columns: number;
  readonly rows: number;
}

interface Section {
  readonly lines: readonly Line[];
  /** Lines of the heading, which do not stand alone. */
  readonly heading: number;
}

/**
 * One frame: at most `rows` lines of at most `columns` characters. What there is no room for is left out from the end of
 * each section, and said; the most important sections get their lines first. `colour`: with ANSI colours.
 */
export function topFrame(view: TopView, size: FrameSize, colour: boolean): string[] {
  const lines: Line[] = [headLine(view), rateLine(view), ...troubleLines(view)];
  const sections = [proxySection(view), nodeSection(view), changeSection(view), commandSection(view)];
  let left = size.rows - lines.length;
  for (const section of sections) {
    const shown = cut(section, left - 1);
    if (shown.length === 0) continue;
    lines.push([], ...shown);
    left -= shown.length + 1;
  }
  return lines.slice(0, Math.max(0, size.rows)).map((line) => fitted(line, size.columns, colour));
}

/** As much of a section as there is room for. */
function cut({ lines, heading }: Section, rows: number): readonly Line[] {
  if (lines.length <= rows) return lines;
  if (rows < heading + 2) return [];
  const more = lines.length - rows + 1;
  return [...lines.slice(0, rows - 1), [{ text: `... ${countText(more)} more`, style: 'dim' }]];
}

function headLine(view: TopView): Line {
  const { clusterId, epochs, zones, shards, nodes } = view;
  const up = nodes.filter(({ state }) => state !== 'down').length;
  const epoch = epochs[0] === epochs[1] ? `epoch ${epochs[0]}` : `epochs ${epochs[0]} to ${epochs[1]}`;
  if (clusterId === '')
    return [
      { text: 'junokv top', style: 'bold' },
      { text: '  no proxy answers', style: 'bad' },
    ];
  const nodesText = `${up} of ${nodes.length} nodes up`;
  return [
    { text: 'junokv top', style: 'bold' },
    { text: `  ${epoch}, ${zones} zones, ` },
    up === nodes.length ? { text: nodesText } : { text: nodesText, style: 'bad' },
    { text: `, ${countText(shards)} shards, cluster ${clusterId}` },
  ];
}

function rateLine(view: TopView): Line {
  const { perSecond, p50Ms, p99Ms, clients, hedgesPerSecond, errorsPerSecond } = view;
  const parts = [
    `${countText(perSecond)} commands/s`,
    `p50 ${msText(p50Ms)} ms`,
    `p99 ${msText(p99Ms)} ms`,
    `${countText(clients)} clients`,
    `${rateText(errorsPerSecond)} errors/s`,
    `${rateText(hedgesPerSecond)} hedges/s`,
  ];
  return parts.map((text, index) => (index === 0 ? { text } : { text: `   ${text}`, whole: true }));
}

/** What clients are answered by the cluster's fault; no line while there is nothing. */
function troubleLines({ failures }: TopView): Line[] {
  const told: Span[] = Object.entries(failures).flatMap(([name, perSecond]) =>
    perSecond > 0 ? [{ text: `${rateText(perSecond)} ${name}/s   `, style: 'bad' as const }] : [],
  );
  return told.length === 0 ? [] : [told];
}

const PROXY_COLUMNS: readonly Column<ProxyView>[] = [
  { title: 'proxy', left: true, cell: ({ address }) => ({ text: address }) },
  { title: 'commands/s', cell: ({ perSecond }) => ({ text: countText(perSecond) }) },
  { title: 'p50 ms', cell: ({ p50Ms }) => ({ text: msText(p50Ms) }) },
  { title: 'p99 ms', cell: ({ p99Ms }) => ({ text: msText(p99Ms) }) },
  { title: 'errors/s', cell: ({ errorsPerSecond }) => ({ text: rateText(errorsPerSecond) }) },
  { title: 'clients', cell: ({ clients }) => ({ text: countText(clients) }) },
  {
    title: 'waiting',
    cell: ({ waiting }) => (waiting === 0 ? { text: '0' } : { text: countText(waiting), style: 'bad' }),
  },
  { title: 'cpu', cell: ({ cpu }) => ({ text: `${Math.round(100 * cpu)} %` }) },
  { title: 'memory', cell: ({ residentBytes }) => ({ text: bytesText(residentBytes) }) },
  { title: 'in/s', cell: ({ inBytesPerSecond }) => ({ text: bytesText(inBytesPerSecond) }) },
  { title: 'out/s', cell: ({ outBytesPerSecond }) => ({ text: bytesText(outBytesPerSecond) }) },
  { title: 'up for', cell: ({ uptimeS }) => ({ text: spanText(1000 * uptimeS) }) },
];

function proxySection({ proxies }: TopView): Section {
  const answering = proxies.filter(({ problem }) => problem === null);
  const silent = proxies.filter(({ problem }) => problem !== null);
  const lines = answering.length === 0 ? [] : [tableLines(PROXY_COLUMNS, answering)].flat();
  const problems = silent.map(({ address, problem }): Line => [{ text: `! ${address}: ${problem}`, style: 'bad' }]);
  return { lines: [...lines, ...problems], heading: answering.length === 0 ? 0 : 1 };
}

const NODE_COLUMNS: readonly Column<NodeView>[] = [
  { title: 'zone', left: true, cell: ({ zone }) => ({ text: zone }) },
  { title: 'node', cell: ({ nodeId }) => ({ text: String(nodeId) }) },
  {
    title: 'state',
    left: true,
    cell: ({ state }) => (state === 'up' ? { text: state } : { text: state, style: 'bad' }),
  },
  { title: 'latency ms', cell: ({ latencyMs }) => ({ text: msText(latencyMs) }) },
  { title: 'data', cell: ({ dataBytes }) => ({ text: dataBytes === null ? '-' : bytesText(dataBytes) }) },
  {
    title: 'not synced',
    cell: ({ unsyncedMs }) => ({
      text: unsyncedMs === null ? '-' : unsyncedMs === 0 ? '0' : `${countText(unsyncedMs)} ms`,
    }),
  },
  {
    title: 'damaged',
    cell: ({ corruptRecords }) =>
      corruptRecords === null
        ? { text: '-' }
        : corruptRecords === 0
          ? { text: '0' }
          : { text: countText(corruptRecords), style: 'bad' },
  },
  {
    title: 'address',
    left: true,
    cell: ({ address }) => ({ text: address.endsWith(':0') ? 'in the proxy' : address }),
  },
];

function nodeSection({ nodes }: TopView): Section {
  return { lines: nodes.length === 0 ? [] : tableLines(NODE_COLUMNS, nodes), heading: 1 };
}

function changeSection({ clusterId, movingShards, shardsToMove, sweepOldestMs }: TopView): Section {
  if (clusterId === '') return { lines: [], heading: 0 };
  const isMoving = movingShards + shardsToMove > 0;
  const moves: Line = isMoving
    ? [
        {
          text: `moves: ${countText(movingShards)} shards under way, ${countText(shardsToMove)} to come`,
          style: 'bold',
        },
      ]
    : [{ text: 'moves: none' }];
  const sweep: Line = [
    {
      text: `sweep: ${sweepOldestMs === null ? 'not all shards yet' : `all shards within the last ${spanText(sweepOldestMs)}`}`,
    },
  ];
  return { lines: [moves, sweep], heading: 0 };
}

const COMMAND_COLUMNS: readonly Column<CommandView>[] = [
  { title: 'command', left: true, cell: ({ name }) => ({ text: name }) },
  { title: 'calls/s', cell: ({ perSecond }) => ({ text: rateText(perSecond) }) },
  { title: 'mean ms', cell: ({ meanMs }) => ({ text: msText(meanMs) }) },
  { title: 'p50 ms', cell: ({ p50Ms }) => ({ text: msText(p50Ms) }) },
  { title: 'p99 ms', cell: ({ p99Ms }) => ({ text: msText(p99Ms) }) },
  { title: 'errors/s', cell: ({ errorsPerSecond }) => ({ text: rateText(errorsPerSecond) }) },
];

function commandSection({ commands }: TopView): Section {
  return { lines: commands.length === 0 ? [] : tableLines(COMMAND_COLUMNS, commands), heading: 1 };
}

function msText(ms: number | null): string {
  if (ms === null) return '-';
  return ms < 10 ? ms.toFixed(2) : ms < 100 ? ms.toFixed(1) : countText(ms);
}

/** Small rates have a digit, so that what happens now and then is not 0. */
function rateText(perSecond: number): string {
  return perSecond > 0 && perSecond < 10 ? perSecond.toFixed(1) : countText(perSecond);
}
