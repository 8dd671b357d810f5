import type { Fsync } from '../src/storage/write-pipeline.ts';
import type { KeyOp } from './checker.ts';
import { LONG_RUN } from './long-values.ts';
import { type Fault, makeFaults, makeFlapping, makeMemberFaults, makeRareFaults, type Targets } from './plan-faults.ts';
import { makeRequestClients } from './plan-requests.ts';
import { makeSwaps } from './plan-swaps.ts';
import { makeTransactions } from './plan-transactions.ts';
import type { DiskProfile } from './sim-disk.ts';
import { SMALL_PAGES, SMALL_RANGES, shortTimes } from './sim-limits.ts';
import { SimRandom } from './sim-random.ts';
import type { WorldSetup } from './world.ts';

/** In place of the key of a flush. */
const ALL_KEYS = '*';

/** Behaviour of all links; times in microseconds. */
export interface LinkProfile {
  readonly minUs: number;
  readonly meanUs: number;
  readonly lossChance: number;
  readonly duplicateChance: number;
  readonly lateChance: number;
  readonly lateUs: number;
}

/**
 * One operation of a client, `thinkUs` after its last one was answered. `expiresAtMs` counts from the moment at which it
 * is sent; a `cas` expects what its client saw last of the key, if anything.
 */
export interface PlannedOp {
  readonly thinkUs: number;
  readonly key: string;
  readonly op: KeyOp;
  /** Of a write with a request id. */
  readonly repeats?: readonly PlannedRepeat[];
}

/** The same request once more, so long after it was first sent, whatever has become of it by then. */
export interface PlannedRepeat {
  readonly afterUs: number;
  readonly proxy: number;
}

/**
 * `all`: each operation is carried out. `all-or-none`: all if each would do as it is meant to (`get` find nothing), else none. `look`:
 * a snapshot of the keys. `watched`: as `all`, `pauseUs` after the same keys were read, and only if they were not written since.
 */
export type TxnMode = 'all' | 'all-or-none' | 'look' | 'watched';

/** An operation on one key, without request id. */
export type PlainOp = Exclude<KeyOp, { readonly kind: 'flush' | 'swap' | 'juno' }>;

/** A transaction has each key once. */
export interface TxnPart {
  readonly key: string;
  readonly op: PlainOp;
}

export interface PlannedTxn {
  readonly thinkUs: number;
  readonly mode: TxnMode;
  readonly parts: readonly TxnPart[];
  readonly pauseUs: number;
}

export type PlannedStep = PlannedOp | PlannedTxn;

/** Operations that one client sends through one proxy, one after the other. */
export interface PlannedClient {
  readonly name: string;
  readonly proxy: number;
  readonly ops: readonly PlannedStep[];
}

/** A whole run as data: the seed draws it, and shrinking takes parts of it away. */
export interface Plan {
  readonly setup: WorldSetup;
  readonly links: LinkProfile;
  readonly keys: readonly string[];
  readonly clients: readonly PlannedClient[];
  readonly faults: readonly Fault[];
}

/** How many replicas a record has in the run of a seed, unless something else is asked for. */
export function zonesOf(seed: number): number {
  const digit = seed % 10;
  return digit === 0 ? 1 : digit <= 3 ? 5 : 3;
}

/** Two wall clocks then differ by at most the maxClockSkewMs of an unscaled run. */
const MAX_OFFSET_US = 250_000;

export function makePlan(seed: number, zones: number): Plan {
  const random = new SimRandom(seed, `plan${zones}`);
  const proxies = random.between(2, 4);
  const flapping = random.chance(0.2);
  const keys = Array.from({ length: flapping ? 1 : random.between(1, 5) }, (_, i) => `k${i + 1}`);
  const setup = makeSetup(random, seed, zones, proxies);
  const nodes = zones * (setup.nodesPerZone + setup.sparesPerZone);
  const maxOffsetUs = (1000 * (setup.limits.maxClockSkewMs ?? 0)) / 2;
  const targets: Targets = { zones, nodes, proxies, keys, maxOffsetUs };
  const links = flapping ? makeFlappingLinks(random) : makeLinks(random, setup);
  const clients = makeClients(random, proxies, keys);
  if (random.chance(0.15)) clients.push(makeFlusher(random, proxies));
  else clients.push(...makeRequestClients(seed, zones, proxies, keys));
  const faults = flapping ? makeFlapping(random, nodes) : makeFaults(random, targets);
  const changing = setup.sparesPerZone > 0 || random.chance(0.2);
  const learning = changing || (setup.fsync !== 'always' && faults.some(({ kind }) => kind === 'power-loss'));
  faults.push(...makeRareFaults(random, targets, learning));
  if (changing) faults.push(...makeMemberFaults(random, targets));
  const transactions = makeTransactions({ seed, zones, proxies, keys });
  clients.push(...transactions.clients);
  faults.push(...transactions.faults);
  const swaps = makeSwaps(seed, zones, proxies);
  clients.push(...swaps.clients);
  return { setup, links, keys: [...keys, ...transactions.keys, ...swaps.keys], clients, faults };
}

function makeSetup(random: SimRandom, seed: number, zones: number, proxies: number): WorldSetup {
  // Mostly few, so that what happens to one happens to the records.
  const shards = random.pick([1, 8]);
  const nodesPerZone = shards === 1 ? 1 : random.pick([1, 1, 2, 3]);
  const sparesPerZone = random.pick([0, 0, 1, 2]);
  const machines = zones * (nodesPerZone + sparesPerZone) + proxies;
  const scale = random.pick([1, 5, 5]);
  const skewUs = random.pick([0, 1_000, 20_000, MAX_OFFSET_US / scale]);
  const driftPpm = random.pick([0, 0, 200]);
  const fsync: Fsync = random.pick(['always', 'everysec', 'no']);
  return {
    seed,
    zones,
    nodesPerZone,
    sparesPerZone,
    proxies,
    shards,
    clockOffsetsUs: Array.from({ length: machines }, () => random.between(-skewUs, skewUs)),
    clockDriftPpm: Array.from({ length: machines }, () => random.between(-driftPpm, driftPpm)),
    disk: makeDisk(random),
    fsync,
    cacheBytes: random.pick([0, 4_000, 1_000_000]),
    promiseCapacity: random.pick([8, 1_000, 1_000]),
    express: new SimRandom(seed, 'express').below(4) > 0,
    encoded: random.chance(0.2),
    framed: random.chance(0.5),
    watchDelayUs: random.pick([2_000, 50_000, 50_000, 1_000_000]),
    // In some all transactions are large ones: their intents do not name all of their records.
    limits: { ...SMALL_PAGES, ...SMALL_RANGES, ...shortTimes(scale), intentListRecords: seed % 3 === 0 ? 1 : 64 },
  };
}

function makeDisk(random: SimRandom): DiskProfile {
  return {
    meanUs: random.pick([20, 100, 500]),
    stallChance: random.pick([0, 0, 0.01, 0.05]),
    stallUs: random.pick([5_000, 50_000]),
    writeErrorChance: random.pick([0, 0, 0, 0.02]),
    synchronousReads: random.pick([0, 0.5, 1]),
  };
}

function makeLinks(random: SimRandom, { limits }: WorldSetup): LinkProfile {
  const rough = random.chance(0.6);
  // Many round trips fit into a deadline.
  const slowUs = 5 * (limits.deadlineMs ?? 0);
  return {
    minUs: random.pick([20, 100, 500]),
    meanUs: random.pick([100, 400, 2_000, slowUs]),
    lossChance: rough ? random.pick([0, 0.005, 0.02, 0.08]) : 0,
    duplicateChance: rough ? random.pick([0, 0.02, 0.1]) : 0,
    lateChance: rough ? random.pick([0, 0.01, 0.04]) : 0,
    lateUs: random.pick([20_000, 200_000, 1_500_000]),
  };
}

function makeClients(random: SimRandom, proxies: number, keys: readonly string[]): PlannedClient[] {
  const count = proxies * random.between(2, 3);
  const opsEach = Math.ceil(random.between(160, 230) / count);
  const thinkUs = random.pick([200, 5_000, 40_000, 150_000]);
  const paged = random.chance(0.15);
  const pagedChance = paged ? 0.25 : 0.003;
  const mix = paged ? PAGED_MIX : makeMix(random);
  let number = 1;
  return Array.from({ length: count }, (_, c) => {
    const ops: PlannedOp[] = [];
    for (let i = 0; i < opsEach; i++) {
      const think = random.chance(0.05) ? random.exponential(400_000) : random.exponential(thinkUs);
      // Values of one number each, far apart: INCR makes no two the same.
      ops.push({
        thinkUs: Math.ceil(think),
        key: random.pick(keys),
        op: makeOp(random, mix, number++ * 1000, pagedChance),
      });
    }
    return { name: `C${c + 1}`, proxy: c % proxies, ops };
  });
}

function makeFlusher(random: SimRandom, proxies: number): PlannedClient {
  const thinkUs = random.pick([20_000, 300_000, 1_000_000]);
  const ops = Array.from({ length: random.between(1, 4) }, () => ({
    thinkUs: Math.ceil(random.exponential(thinkUs)),
    key: ALL_KEYS,
    op: { kind: 'flush' } as const,
  }));
  return { name: 'F1', proxy: random.below(proxies), ops };
}

/** Of operations that may be carried out as often as they are sent. */
type PlainKind = Exclude<KeyOp['kind'], 'juno' | 'flush' | 'swap' | 'getappend' | 'pay'>;

const PAGED_MIX: readonly PlainKind[] = ['set', 'append', 'get', 'getset', 'setpxat', 'setnx', 'get'];

/** Kinds of operations, those that occur more often several times. */
function makeMix(random: SimRandom): readonly PlainKind[] {
  const mixes: readonly (readonly PlainKind[])[] = [
    ['get', 'set', 'getset', 'incr', 'cas', 'del', 'setpxat', 'setnx', 'setxx', 'getdel', 'persist'],
    ['get', 'get', 'get', 'set', 'incr', 'cas'],
    ['incr', 'incr', 'get', 'getset'],
    ['setpxat', 'setpxat', 'get', 'get', 'setnx', 'setxx', 'incr', 'persist', 'del'],
    ['setnx', 'del', 'get', 'getdel', 'setnx'],
    ['getset', 'cas', 'get', 'set'],
  ];
  return random.pick(mixes);
}

function makeOp(random: SimRandom, mix: readonly PlainKind[], number: number, pagedChance: number): KeyOp {
  const kind = random.pick(mix);
  const value = makeValue(random, number, pagedChance);
  switch (kind) {
    case 'get':
    case 'incr':
    case 'del':
    case 'getdel':
    case 'persist':
      return { kind };
    case 'set':
    case 'setnx':
    case 'setxx':
    case 'getset':
      return { kind, value };
    case 'append':
      return { kind, value: `,${number}` };
    case 'setpxat':
      return { kind, value, expiresAtMs: random.between(0, random.pick([20, 300, 2_000])) };
    case 'cas':
      return { kind, value, expected: random.chance(0.3) ? null : '0' };
  }
}

/** Mostly short; some are sealed apart from their metadata, some lie in pages. */
function makeValue(random: SimRandom, number: number, pagedChance: number): string {
  if (random.chance(0.1)) return `${number}:${'x'.repeat(600)}`;
  return random.chance(pagedChance) ? `${number}:${LONG_RUN}` : String(number);
}

/** So much is lost that what two proposers send is long under way at the same time. */
function makeFlappingLinks(random: SimRandom): LinkProfile {
  return {
    minUs: 20,
    meanUs: random.pick([400, 2_000]),
    lossChance: random.pick([0.1, 0.2, 0.3]),
    duplicateChance: 0,
    lateChance: random.pick([0, 0.1]),
    lateUs: random.pick([20_000, 200_000]),
  };
}
