import { type LatencyDelta, latencyDelta, mergedDelta, percentileMs } from './latency-delta.ts';
import type { CommandReading, NodeReading, ProxyReading } from './reading.ts';

/** One proxy: its last two readings, or why there is none. */
export type Watched =
  | { readonly address: string; readonly before: ProxyReading | null; readonly now: ProxyReading }
  | { readonly address: string; readonly problem: string };

/** Over the time between two readings; since the start of the proxy where there is only one. */
export interface Rates {
  readonly perSecond: number;
  readonly errorsPerSecond: number;
  /** Null: nothing ran. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

export interface ProxyView extends Rates {
  readonly address: string;
  /** What keeps it from answering; null: it answers, and the rest counts. */
  readonly problem: string | null;
  readonly clients: number;
  readonly waiting: number;
  readonly inBytesPerSecond: number;
  readonly outBytesPerSecond: number;
  readonly residentBytes: number;
  /** Cores. */
  readonly cpu: number;
  readonly uptimeS: number;
}

export interface CommandView extends Rates {
  readonly name: string;
  readonly meanMs: number | null;
}

export interface NodeView {
  readonly nodeId: number;
  readonly zone: string;
  readonly address: string;
  readonly state: 'up' | 'suspect' | 'down';
  /** The slowest that a proxy sees; null: none has asked it lately. */
  readonly latencyMs: number | null;
  readonly dataBytes: number | null;
  readonly unsyncedMs: number | null;
  readonly corruptRecords: number | null;
}

/** Everything that a frame shows. */
export interface TopView extends Rates {
  readonly clusterId: string;
  /** The lowest and the highest of the proxies'. */
  readonly epochs: readonly [number, number];
  readonly zones: number;
  readonly shards: number;
  readonly movingShards: number;
  readonly shardsToMove: number;
  readonly sweepOldestMs: number | null;
  /** What clients were answered by the cluster's fault, per second. */
  readonly failures: Readonly<Record<'unavailable' | 'uncertain' | 'refused', number>>;
  readonly hedgesPerSecond: number;
  readonly clients: number;
  readonly proxies: readonly ProxyView[];
  readonly nodes: readonly NodeView[];
  /** The busiest first. */
  readonly commands: readonly CommandView[];
}

interface Pair {
  readonly now: ProxyReading;
  readonly before: ProxyReading | null;
  readonly seconds: number;
}

/** What is between two readings of each proxy, added up. */
export function topView(watched: readonly Watched[]): TopView {
  const pairs = watched.flatMap((one) => ('now' in one ? [pairOf(one.now, one.before)] : []));
  const newest = pairs.reduce<ProxyReading | null>(
    (best, { now }) => (best === null || now.mapEpoch > best.mapEpoch ? now : best),
    null,
  );
  const sum = (field: NumberField): number => pairs.reduce((total, pair) => total + rate(pair, field), 0);
  const epochs = pairs.map(({ now }) => now.mapEpoch);
  return {
    ...ratesOf(pairs),
    clusterId: newest?.clusterId ?? '',
    epochs: [Math.min(...epochs), Math.max(...epochs)],
    zones: newest?.zones ?? 0,
    shards: newest?.shards ?? 0,
    movingShards: newest?.movingShards ?? 0,
    shardsToMove: newest?.shardsToMove ?? 0,
    sweepOldestMs: newest?.sweepOldestMs ?? null,
    failures: { unavailable: sum('unavailable'), uncertain: sum('uncertain'), refused: sum('refused') },
    hedgesPerSecond: sum('hedged'),
    clients: pairs.reduce((total, { now }) => total + now.clients, 0),
    proxies: watched.map(proxyView),
    nodes: nodeViews(pairs.map(({ now }) => now)),
    commands: commandViews(pairs),
  };
}

type NumberField = {
  [K in keyof ProxyReading]: ProxyReading[K] extends number ? K : never;
}[keyof ProxyReading];

/** A proxy that was started again, or whose counters were set to zero, begins anew. */
function pairOf(now: ProxyReading, before: ProxyReading | null): Pair {
  const isSame = before !== null && before.runId === now.runId && before.atMs < now.atMs && grew(before, now);
  if (!isSame) return { now, before: null, seconds: Math.max(1, now.uptimeS) };
  return { now, before, seconds: (now.atMs - before.atMs) / 1000 };
}

function grew(before: ProxyReading, now: ProxyReading): boolean {
  for (const [name, { calls }] of before.commands) if ((now.commands.get(name)?.calls ?? 0) < calls) return false;
  return true;
}

function rate({ now, before, seconds }: Pair, field: NumberField): number {
  return Math.max(0, now[field] - (before?.[field] ?? 0)) / seconds;
}

interface CommandDelta {
  readonly calls: number;
  readonly totalUs: number;
  readonly latency: LatencyDelta;
  readonly errors: number;
  readonly seconds: number;
}

const NOTHING: CommandReading = { calls: 0, totalUs: 0, failed: 0, rejected: 0, latency: [] };

function commandDeltas({ now, before, seconds }: Pair): Map<string, CommandDelta> {
  const deltas = new Map<string, CommandDelta>();
  for (const [name, command] of now.commands) {
    const old = before?.commands.get(name) ?? NOTHING;
    deltas.set(name, {
      calls: command.calls - old.calls,
      totalUs: command.totalUs - old.totalUs,
      latency: latencyDelta(old.latency, command.latency),
      errors: command.failed + command.rejected - old.failed - old.rejected,
      seconds,
    });
  }
  return deltas;
}

/** What `top` itself asks for is no work of the cluster. */
const OWN_COMMANDS = new Set(['info', 'latency|histogram', 'auth', 'client|setinfo', 'client|setname']);

function ratesOf(pairs: readonly Pair[]): Rates {
  const deltas = pairs.flatMap((pair) => [...commandDeltas(pair)]).filter(([name]) => !OWN_COMMANDS.has(name));
  const latency = mergedDelta(deltas.map(([, delta]) => delta.latency));
  return {
    perSecond: deltas.reduce((total, [, { calls, seconds }]) => total + calls / seconds, 0),
    errorsPerSecond: pairs.reduce((total, pair) => total + rate(pair, 'errors'), 0),
    p50Ms: percentileMs(latency, 50),
    p99Ms: percentileMs(latency, 99),
  };
}

function commandViews(pairs: readonly Pair[]): CommandView[] {
  const byName = new Map<string, CommandDelta[]>();
  for (const pair of pairs) {
    for (const [name, delta] of commandDeltas(pair)) {
      if (delta.calls + delta.errors > 0 && !OWN_COMMANDS.has(name))
        byName.set(name, [...(byName.get(name) ?? []), delta]);
    }
  }
  const views = Array.from(byName, ([name, deltas]): CommandView => {
    const calls = deltas.reduce((total, delta) => total + delta.calls, 0);
    const totalUs = deltas.reduce((total, delta) => total + delta.totalUs, 0);
    const latency = mergedDelta(deltas.map((delta) => delta.latency));
    return {
      name,
      perSecond: deltas.reduce((total, delta) => total + delta.calls / delta.seconds, 0),
      errorsPerSecond: deltas.reduce((total, delta) => total + delta.errors / delta.seconds, 0),
      meanMs: calls === 0 ? null : totalUs / calls / 1000,
      p50Ms: percentileMs(latency, 50),
      p99Ms: percentileMs(latency, 99),
    };
  });
  return views.sort((a, b) => b.perSecond - a.perSecond || (a.name < b.name ? -1 : 1));
}

function proxyView(watched: Watched): ProxyView {
  if ('problem' in watched) {
    const nothing = { clients: 0, waiting: 0, inBytesPerSecond: 0, outBytesPerSecond: 0, residentBytes: 0, cpu: 0 };
    return { address: watched.address, problem: watched.problem, ...nothing, ...ratesOf([]), uptimeS: 0 };
  }
  const pair = pairOf(watched.now, watched.before);
  const { clients, waiting, residentBytes, uptimeS } = watched.now;
  return {
    ...ratesOf([pair]),
    address: watched.address,
    problem: null,
    clients,
    waiting,
    inBytesPerSecond: rate(pair, 'inBytes'),
    outBytesPerSecond: rate(pair, 'outBytes'),
    residentBytes,
    cpu: rate(pair, 'cpuS'),
    uptimeS,
  };
}

/** A node is what most proxies say of it at its worst: one that sees it suspect is enough to be told. */
function nodeViews(readings: readonly ProxyReading[]): NodeView[] {
  const byId = new Map<number, NodeReading[]>();
  for (const { nodes } of readings) {
    for (const node of nodes) byId.set(node.nodeId, [...(byId.get(node.nodeId) ?? []), node]);
  }
  const views = Array.from(byId, ([nodeId, told]): NodeView => {
    const answered = told.find(({ dataBytes }) => dataBytes !== null) ?? told[0];
    const latencies = told.flatMap(({ seen }) => (seen === null || seen.latencyMs === 0 ? [] : [seen.latencyMs]));
    const isDown = told.every(({ up }) => !up);
    const isSuspect = told.some(({ seen, up }) => seen?.isSuspect === true || !up);
    return {
      nodeId,
      zone: answered?.zone ?? '',
      address: answered?.address ?? '',
      state: isDown ? 'down' : isSuspect ? 'suspect' : 'up',
      latencyMs: latencies.length === 0 ? null : Math.max(...latencies),
      dataBytes: answered?.dataBytes ?? null,
      unsyncedMs: answered?.unsyncedMs ?? null,
      corruptRecords: answered?.corruptRecords ?? null,
    };
  });
  return views.sort((a, b) => (a.zone < b.zone ? -1 : a.zone > b.zone ? 1 : a.nodeId - b.nodeId));
}
