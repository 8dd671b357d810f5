import { median } from './figures.ts';
import type { LoadFigures } from './load-client.ts';
import { type Filler, inTurns, keyCount, ownLoad } from './measure.ts';
import { type OpenFigures, runOpenLoop } from './open-loop.ts';
import type { BenchOptions } from './options.ts';
import type { Form, RowSpec } from './rows.ts';
import { leastDisturbed } from './stolen-time.ts';
import { isJunokv, type System, type SystemName } from './systems.ts';

/** Latency at fixed rates: shares of what each system can do at most. */
export interface LatencySpec {
  readonly id: string;
  readonly title: string;
  readonly operation: 'GET' | 'SET';
  readonly valueBytes: number;
  readonly connections: number;
  readonly systems: readonly SystemName[];
  readonly form: Form;
}

const SHARES = [0.5, 0.8] as const;
const SYSTEMS: readonly SystemName[] = ['redis', 'redis-2-replicas', 'junokv', 'junokv-separate'];
const PLAIN = { valueBytes: 100, connections: 50, systems: SYSTEMS, form: 'normal' } as const;

export const LATENCY_ROWS: readonly LatencySpec[] = [
  { ...PLAIN, id: 'latency-get', title: 'GET, 100 B, 50 connections, at fixed rates', operation: 'GET' },
  { ...PLAIN, id: 'latency-set', title: 'SET, 100 B, 50 connections, at fixed rates', operation: 'SET' },
];

/** One system at one rate: medians over the rounds, and the spread of its p99. */
export interface LatencyPoint {
  readonly system: SystemName;
  /** The rate is this share of what `of` can do at most. */
  readonly share: number;
  readonly of: SystemName;
  readonly ratePerSecond: number;
  readonly figures: OpenFigures;
  readonly p99LeastMs: number;
  readonly p99MostMs: number;
}

export interface LatencyResult {
  readonly id: string;
  readonly title: string;
  /** Median rate of a closed loop of as many connections, one request each. */
  readonly maximum: readonly { readonly system: SystemName; readonly perSecond: number }[];
  readonly points: readonly LatencyPoint[];
}

interface Target {
  readonly system: System;
  readonly share: number;
  readonly of: SystemName;
  readonly ratePerSecond: number;
}

/** First what each system can do, then each at shares of that, and redis-server at junokv's rates, in turns. */
export async function measureLatency(
  spec: LatencySpec,
  systems: readonly System[],
  options: BenchOptions,
  filler: Filler,
): Promise<LatencyResult> {
  for (const system of systems) await filler.fill(system, spec.valueBytes);
  const maximum = await measureMaximum(spec, systems, options);
  const targets = targetsOf(systems, maximum);
  const results = new Map<Target, OpenFigures[]>(targets.map((target) => [target, []]));
  for (let round = 0; round < options.rounds; round++) {
    for (const target of inTurns(targets, round)) {
      const { system, share, of, ratePerSecond } = target;
      const keys = keyCount(options, spec.valueBytes, system.name);
      const { endpoints, waitForReplica } = system;
      const load = { ...spec, keys, keyPattern: 'uniform', endpoints, waitForReplica, ratePerSecond } as const;
      const { result: figures } = await leastDisturbed(() => runOpenLoop({ ...load, durationMs: options.openLoopMs }));
      results.get(target)?.push(figures);
      console.error(
        `${spec.id}, round ${round + 1}/${options.rounds}, ${system.name} at ${share} of ${of} (${Math.round(ratePerSecond)}/s): ` +
          `p50 ${figures.p50Ms.toFixed(2)} ms, p99 ${figures.p99Ms.toFixed(2)} ms, generator ${figures.generatorP99Ms.toFixed(2)} ms` +
          `${figures.unanswered === 0 ? '' : `, ${figures.unanswered} unanswered`}`,
      );
    }
  }
  const points = targets.map((target) => toPoint(target, results.get(target) ?? []));
  return { id: spec.id, title: spec.title, maximum, points };
}

async function measureMaximum(
  spec: LatencySpec,
  systems: readonly System[],
  options: BenchOptions,
): Promise<{ system: SystemName; perSecond: number }[]> {
  const row: RowSpec = { ...spec, client: 'own', keyPattern: 'uniform', pipeline: 1 };
  const runs = new Map<System, LoadFigures[]>(systems.map((system) => [system, []]));
  for (const system of systems) {
    await ownLoad(system, row, keyCount(options, spec.valueBytes, system.name), options.warmUpMs);
  }
  for (let round = 0; round < options.rounds; round++) {
    for (const system of inTurns(systems, round)) {
      const keys = keyCount(options, spec.valueBytes, system.name);
      const { result: figures } = await leastDisturbed(() => ownLoad(system, row, keys, options.runMs));
      runs.get(system)?.push(figures);
    }
  }
  return systems.map((system) => ({
    system: system.name,
    perSecond: median((runs.get(system) ?? []).map(({ perSecond }) => perSecond)),
  }));
}

function targetsOf(systems: readonly System[], maximum: LatencyResult['maximum']): Target[] {
  const rateOf = new Map(maximum.map(({ system, perSecond }) => [system, perSecond]));
  return systems.flatMap((system) => {
    const of =
      system.name === 'redis' ? [...rateOf.keys()].filter((name) => name === 'redis' || isJunokv(name)) : [system.name];
    return of.flatMap((name) =>
      SHARES.map((share) => ({ system, share, of: name, ratePerSecond: share * (rateOf.get(name) ?? 0) })),
    );
  });
}

function toPoint({ system, share, of, ratePerSecond }: Target, runs: readonly OpenFigures[]): LatencyPoint {
  const middle = (part: (figures: OpenFigures) => number): number => median(runs.map(part));
  const p99s = runs.map(({ p99Ms }) => p99Ms);
  return {
    ...{ system: system.name, share, of, ratePerSecond },
    figures: {
      answeredPerSecond: middle(({ answeredPerSecond }) => answeredPerSecond),
      p50Ms: middle(({ p50Ms }) => p50Ms),
      p90Ms: middle(({ p90Ms }) => p90Ms),
      p99Ms: middle(({ p99Ms }) => p99Ms),
      p999Ms: middle(({ p999Ms }) => p999Ms),
      maxMs: Math.max(...runs.map(({ maxMs }) => maxMs)),
      generatorP99Ms: middle(({ generatorP99Ms }) => generatorP99Ms),
      errors: runs.reduce((sum, { errors }) => sum + errors, 0),
      unanswered: runs.reduce((sum, { unanswered }) => sum + unanswered, 0),
    },
    p99LeastMs: Math.min(...p99s),
    p99MostMs: Math.max(...p99s),
  };
}
