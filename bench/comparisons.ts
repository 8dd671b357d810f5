import { summarise, totalCpuUs } from './figures.ts';
import { type Ratio, type Results, ratioOf } from './results.ts';
import type { SystemName } from './systems.ts';

/** What is to hold: a rate, as a share of another system's in the same row. */
export interface Comparison {
  readonly title: string;
  readonly row: string;
  readonly systems: readonly SystemName[];
  readonly against: SystemName;
  readonly atLeast: number;
}

const BOTH: readonly SystemName[] = ['junokv', 'junokv-separate'];
const SYNCED: readonly SystemName[] = ['junokv-always', 'junokv-separate-always'];
const REPLICAS = 'Redis with 2 replicas, WAIT 1 for each batch';

export const COMPARISONS: readonly Comparison[] = [
  {
    ...{ title: `SET, pipeline 1, to ${REPLICAS}`, row: 'set-100b-p1-c50-own', systems: BOTH },
    ...{ against: 'redis-2-replicas', atLeast: 0.55 },
  },
  {
    ...{ title: `SET, pipeline 16, to ${REPLICAS}`, row: 'set-100b-p16-c50-own', systems: BOTH },
    ...{ against: 'redis-2-replicas', atLeast: 0.42 },
  },
  { title: 'SET, pipeline 1, to redis-server', row: 'set-100b-p1-c50', systems: BOTH, against: 'redis', atLeast: 0.35 },
  {
    title: 'SET, pipeline 16, to redis-server',
    row: 'set-100b-p16-c50',
    systems: BOTH,
    against: 'redis',
    atLeast: 0.2,
  },
  { title: 'GET, pipeline 1, to redis-server', row: 'get-100b-p1-c50', systems: BOTH, against: 'redis', atLeast: 0.5 },
  {
    title: 'GET, pipeline 16, to redis-server',
    row: 'get-100b-p16-c50',
    systems: BOTH,
    against: 'redis',
    atLeast: 0.4,
  },
  {
    ...{ title: 'INCR of one key, pipeline 16, to redis-server', row: 'incr-p16-c50-one', systems: BOTH },
    ...{ against: 'redis', atLeast: 0.3 },
  },
  {
    ...{ title: 'SET to etcd put (one member), both synced', row: 'set-100b-p1-c50-synced', systems: SYNCED },
    ...{ against: 'etcd', atLeast: 5 },
  },
  {
    ...{ title: 'SET to etcd put (three members), both synced', row: 'set-100b-p1-c50-synced', systems: SYNCED },
    ...{ against: 'etcd-3', atLeast: 5 },
  },
];

export interface Compared extends Ratio {
  readonly title: string;
  readonly system: SystemName;
  readonly atLeast: number;
  /** CPU time per operation of the one over that of the other: unlike the rate, hardly a matter of the client. */
  readonly cpuRatio: number;
}

/** Those of the comparisons that were measured. */
export function compare(results: Results): Compared[] {
  return COMPARISONS.flatMap(({ title, row: id, systems, against, atLeast }) => {
    const row = results.rows.find((one) => one.id === id);
    if (row === undefined) return [];
    return systems.flatMap((system) => {
      const ratio = ratioOf(row, system, against);
      if (ratio === null) return [];
      const cpu = [system, against].map((name) => {
        const figures = row.systems.find((one) => one.system === name)?.figures ?? [];
        return totalCpuUs(summarise(figures).cpu);
      });
      return [{ title, system, atLeast, ...ratio, cpuRatio: (cpu[0] ?? 0) / (cpu[1] ?? 0) }];
    });
  });
}
