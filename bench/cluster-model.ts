import { seededRandom } from './keys.ts';
import { quantile, responseSampler, type Station, utilisation } from './queueing.ts';

/** What one operation costs, as measured on a small cluster. Microseconds of CPU time, of all processes of a role together. */
export interface OperationCosts {
  readonly proxyLoopUs: number;
  readonly storageLoopUs: number;
  /** Beside the event loop of storage nodes: libuv's and RocksDB's threads. */
  readonly storagePoolUs: number;
  /** How many times a storage node is asked about a record. */
  readonly visits: number;
}

/** A cluster of the model. Every process has the cores that it needs to itself. */
export interface ModelCluster {
  readonly nodesPerZone: number;
  readonly proxies: number;
}

export interface Mix {
  readonly get: OperationCosts;
  readonly set: OperationCosts;
  /** Of all operations. */
  readonly getShare: number;
}

/** Assumed, not measured. */
export const ASSUMPTIONS = {
  zones: 3,
  /** Between a proxy and a storage node, in whatever zones. */
  roundTripUs: 500,
  /** Cores for the threads of a storage node beside its event loop. */
  poolCores: 3,
} as const;

export interface Prediction extends ModelCluster {
  readonly perSecond: number;
  /** Of the event loops. */
  readonly proxyUtilisation: number;
  readonly storageUtilisation: number;
  /** Of a mixed operation, at the proxy's door: without the way to the client. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const PER_US = 1_000_000;
const US_PER_MS = 1_000;
/** Of response times, for each prediction: the error of p99 is about two percent. */
export const DRAWS = 20_000;
const MAJORITY = 2;
/** The proxy works when the command comes, and when a majority has answered: once for a read, twice for a write. */
const PROXY_TURNS = { get: 2, set: 3 } as const;
/** A write asks a majority and then tells all zones. */
const COMMIT_SHARE = ASSUMPTIONS.zones / (ASSUMPTIONS.zones + MAJORITY);

function mixed(mix: Mix, cost: (costs: OperationCosts) => number): number {
  return mix.getShare * cost(mix.get) + (1 - mix.getShare) * cost(mix.set);
}

/** Operations per second at which the event loops of storage nodes are that busy. */
export function rateAt(mix: Mix, nodesPerZone: number, busy: number): number {
  const nodes = nodesPerZone * ASSUMPTIONS.zones;
  return (busy * nodes * PER_US) / mixed(mix, (costs) => costs.storageLoopUs);
}

/** The fewest proxies that are no busier than that. */
export function proxiesFor(mix: Mix, perSecond: number, busy: number): number {
  return Math.ceil((perSecond * mixed(mix, (costs) => costs.proxyLoopUs)) / (busy * PER_US) - 1e-9);
}

/** The fewest storage nodes of a zone that are no busier than that. */
export function nodesFor(mix: Mix, perSecond: number, busy: number): number {
  return Math.ceil(perSecond / rateAt(mix, 1, busy) - 1e-9);
}

function stationsOf(mix: Mix, { nodesPerZone, proxies }: ModelCluster, perSecond: number) {
  const nodes = nodesPerZone * ASSUMPTIONS.zones;
  const rate = perSecond / PER_US;
  const turns = mix.getShare * PROXY_TURNS.get + (1 - mix.getShare) * PROXY_TURNS.set;
  const visits = mixed(mix, (costs) => costs.visits);
  const commitsOfSet = mix.set.visits * COMMIT_SHARE;
  const proxy: Station = {
    servers: 1,
    arrivalsPerUs: (rate * turns) / proxies,
    serviceUs: mixed(mix, (costs) => costs.proxyLoopUs) / turns,
  };
  const storage: Station = {
    servers: 1,
    arrivalsPerUs: (rate * visits) / nodes,
    serviceUs: mixed(mix, (costs) => costs.storageLoopUs) / visits,
  };
  const pool: Station = {
    servers: ASSUMPTIONS.poolCores,
    arrivalsPerUs: (rate * (1 - mix.getShare) * commitsOfSet) / nodes,
    serviceUs: mix.set.storagePoolUs / commitsOfSet,
  };
  return { proxy, storage, pool };
}

/** Null where a part of the cluster cannot hold the rate. */
export function predict(mix: Mix, cluster: ModelCluster, perSecond: number): Prediction | null {
  const { proxy, storage, pool } = stationsOf(mix, cluster, perSecond);
  if ([proxy, storage, pool].some((station) => utilisation(station) >= 1)) return null;
  const random = seededRandom(1);
  const [atProxy, atStorage, inPool] = [proxy, storage, pool].map((station) => responseSampler(station, random));
  if (atProxy === undefined || atStorage === undefined || inPool === undefined) throw new Error('three stations');
  const accepted = (): number => atStorage() + inPool();
  const times = Float64Array.from({ length: DRAWS }, () => {
    const proxyVisit = (): number => atProxy() + ASSUMPTIONS.roundTripUs;
    // READ and PREPARE go to as many as are needed, so the slower one counts.
    const first = proxyVisit() + Math.max(atStorage(), atStorage());
    if (random() < mix.getShare) return first + atProxy();
    return first + proxyVisit() + middle(accepted(), accepted(), accepted()) + atProxy();
  }).sort();
  return {
    ...cluster,
    perSecond,
    proxyUtilisation: utilisation(proxy),
    storageUtilisation: utilisation(storage),
    p50Ms: quantile(times, 0.5) / US_PER_MS,
    p99Ms: quantile(times, 0.99) / US_PER_MS,
  };
}

/** The second of three: COMMIT goes to all zones, and two are enough. */
function middle(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}
