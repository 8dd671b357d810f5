import type { Fsync } from '../src/storage/write-pipeline.ts';
import { type KeyOp, LONG_RUN } from './checker.ts';
import { makeRequestClients } from './plan-requests.ts';
import type { DiskProfile } from './sim-disk.ts';
import { SimRandom } from './sim-random.ts';
import type { WorldSetup } from './world.ts';

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

/** Operations that one client sends through one proxy, one after the other. */
export interface PlannedClient {
  readonly name: string;
  readonly proxy: number;
  readonly ops: readonly PlannedOp[];
}

/** `node` and `proxy` count from 0; `forUs`: how long until all is as before. */
export type Fault =
  | { readonly kind: 'crash-node'; readonly atUs: number; readonly forUs: number; readonly node: number }
  | { readonly kind: 'power-loss'; readonly atUs: number; readonly forUs: number; readonly node: number }
  | { readonly kind: 'crash-proxy'; readonly atUs: number; readonly forUs: number; readonly proxy: number }
  | {
      readonly kind: 'cut';
      readonly atUs: number;
      readonly forUs: number;
      readonly node: number;
      /** -1: all proxies. */
      readonly proxy: number;
      readonly direction: 'requests' | 'responses' | 'both';
      /** The connection breaks too, as it does when a machine says so; else everything just vanishes. */
      readonly resets: boolean;
    }
  | { readonly kind: 'pause-node'; readonly atUs: number; readonly forUs: number; readonly node: number }
  | { readonly kind: 'pause-proxy'; readonly atUs: number; readonly forUs: number; readonly proxy: number }
  | { readonly kind: 'hang-disk'; readonly atUs: number; readonly forUs: number; readonly node: number }
  | { readonly kind: 'bad-network'; readonly atUs: number; readonly forUs: number; readonly lossChance: number }
  /** A bit of the record's bytes on this node turns; it restarts. */
  | {
      readonly kind: 'corrupt-record';
      readonly atUs: number;
      readonly forUs: number;
      readonly node: number;
      readonly key: string;
    }
  /** The epochs of all shards rise; this node is told first. */
  | { readonly kind: 'map-change'; readonly atUs: number; readonly node: number }
  /** A wall clock is far ahead for a while. `machine`: the nodes, then the proxies. */
  | {
      readonly kind: 'wild-clock';
      readonly atUs: number;
      readonly forUs: number;
      readonly machine: number;
      readonly aheadUs: number;
    }
  /** `machine`: the nodes, then the proxies. */
  | { readonly kind: 'clock-jump'; readonly atUs: number; readonly machine: number; readonly offsetUs: number };

/** A whole run as data: the seed draws it, and shrinking takes parts of it away. */
export interface Plan {
  readonly setup: WorldSetup;
  readonly links: LinkProfile;
  readonly keys: readonly string[];
  readonly clients: readonly PlannedClient[];
  readonly faults: readonly Fault[];
}

/** Wall clocks stay within half of limits.maxClockSkewMs of the true time, so two of them within all of it. */
const MAX_OFFSET_US = 250_000;

export function makePlan(seed: number, nodes: number): Plan {
  const random = new SimRandom(seed, `plan${nodes}`);
  const proxies = random.between(2, 4);
  const flapping = random.chance(0.2);
  const keys = Array.from({ length: flapping ? 1 : random.between(1, 5) }, (_, i) => `k${i + 1}`);
  const setup = makeSetup(random, seed, nodes, proxies);
  const links = flapping ? makeFlappingLinks(random) : makeLinks(random);
  const clients = [...makeClients(random, proxies, keys), ...makeRequestClients(seed, nodes, proxies, keys)];
  const faults = flapping ? makeFlapping(random, nodes) : makeFaults(random, nodes, proxies, setup.fsync);
  faults.push(...makeRareFaults(random, nodes, proxies, keys));
  return { setup, links, keys, clients, faults };
}

function makeSetup(random: SimRandom, seed: number, nodes: number, proxies: number): WorldSetup {
  const machines = nodes + proxies;
  const skewUs = random.pick([0, 1_000, 20_000, MAX_OFFSET_US]);
  const driftPpm = random.pick([0, 0, 200]);
  const fsync: Fsync = random.pick(['always', 'everysec', 'no']);
  return {
    seed,
    nodes,
    proxies,
    shards: random.pick([1, 8]),
    clockOffsetsUs: Array.from({ length: machines }, () => random.between(-skewUs, skewUs)),
    clockDriftPpm: Array.from({ length: machines }, () => random.between(-driftPpm, driftPpm)),
    disk: makeDisk(random),
    fsync,
    cacheBytes: random.pick([0, 4_000, 1_000_000]),
    promiseCapacity: random.pick([8, 1_000, 1_000]),
    express: new SimRandom(seed, 'express').below(4) > 0,
    encoded: random.chance(0.2),
    framed: random.chance(0.5),
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

function makeLinks(random: SimRandom): LinkProfile {
  const rough = random.chance(0.6);
  return {
    minUs: random.pick([20, 100, 500]),
    meanUs: random.pick([100, 400, 2_000, 10_000]),
    lossChance: rough ? random.pick([0, 0.005, 0.02, 0.08]) : 0,
    duplicateChance: rough ? random.pick([0, 0.02, 0.1]) : 0,
    lateChance: rough ? random.pick([0, 0.01, 0.04]) : 0,
    lateUs: random.pick([20_000, 200_000, 1_500_000]),
  };
}

function makeClients(random: SimRandom, proxies: number, keys: readonly string[]): PlannedClient[] {
  const count = proxies * random.between(2, 3);
  const opsEach = Math.ceil(random.between(110, 180) / count);
  const thinkUs = random.pick([200, 5_000, 40_000]);
  const paged = random.chance(0.08);
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

/** Of operations that may be carried out as often as they are sent. */
type PlainKind = Exclude<KeyOp['kind'], 'juno'>;

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
  if (random.chance(0.05)) return `${number}:${'x'.repeat(600)}`;
  return random.chance(pagedChance) ? `${number}:${LONG_RUN}` : String(number);
}

function makeFaults(random: SimRandom, nodes: number, proxies: number, fsync: Fsync): Fault[] {
  const count = random.between(3, 9);
  const spanUs = random.pick([300_000, 1_500_000, 5_000_000]);
  return Array.from({ length: count }, () => makeFault(random, nodes, proxies, fsync, spanUs)).sort(
    (a, b) => a.atUs - b.atUs,
  );
}

/** Damaged disks, wild clocks and new maps, in some of the seeds. */
function makeRareFaults(random: SimRandom, nodes: number, proxies: number, keys: readonly string[]): Fault[] {
  const faults: Fault[] = [];
  const atUs = (): number => random.below(1_500_000);
  // At most N - Q nodes may be damaged: always the same one.
  const node = random.below(nodes);
  if (nodes > 1 && random.chance(0.15)) {
    for (let i = random.between(1, 3); i > 0; i--) {
      faults.push({
        kind: 'corrupt-record',
        atUs: atUs(),
        forUs: random.between(100, 5_000),
        node,
        key: random.pick(keys),
      });
    }
  }
  if (random.chance(0.1)) {
    const aheadUs = random.pick([8_000_000, 3_600_000_000]);
    // A node that was an hour ahead promises nothing for an hour: only where others are left.
    const machine = nodes > 1 && random.chance(0.3) ? node : nodes + random.below(proxies);
    faults.push({ kind: 'wild-clock', atUs: atUs(), forUs: random.between(5_000, 500_000), machine, aheadUs });
  }
  if (random.chance(0.15)) {
    for (let i = random.between(1, 3); i > 0; i--) {
      faults.push({ kind: 'map-change', atUs: atUs(), node: random.below(nodes) });
    }
  }
  return faults;
}

/** Nodes that restart so fast that messages of before find them again: what they have forgotten shows. */
function makeFlapping(random: SimRandom, nodes: number): Fault[] {
  const spanUs = random.pick([500_000, 3_000_000]);
  return Array.from({ length: random.between(40, 150) }, () => ({
    kind: 'crash-node' as const,
    atUs: random.below(spanUs),
    forUs: random.between(100, 4_000),
    node: random.below(nodes),
  })).sort((a, b) => a.atUs - b.atUs);
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

function makeFault(random: SimRandom, nodes: number, proxies: number, fsync: Fsync, spanUs: number): Fault {
  const atUs = random.below(spanUs);
  const forUs = random.pick([2_000, 30_000, 300_000, 2_500_000]) + random.below(10_000);
  const node = random.below(nodes);
  const proxy = random.below(proxies);
  switch (random.below(11)) {
    case 0:
    case 1:
      return { kind: 'crash-node', atUs, forUs, node };
    case 2:
      // Only with fsync `always` may a disk be trusted after a loss of power (protocol §2).
      return { kind: fsync === 'always' ? 'power-loss' : 'crash-node', atUs, forUs, node };
    case 3:
    case 4:
      return { kind: 'crash-proxy', atUs, forUs: Math.min(forUs, 100_000), proxy };
    case 5:
    case 6:
    case 7: {
      const direction = random.pick(['requests', 'responses', 'both'] as const);
      const all = random.chance(0.4);
      return { kind: 'cut', atUs, forUs, node, proxy: all ? -1 : proxy, direction, resets: random.chance(0.4) };
    }
    case 8:
      return random.chance(0.5)
        ? { kind: 'pause-node', atUs, forUs, node }
        : { kind: 'pause-proxy', atUs, forUs: Math.min(forUs, 400_000), proxy };
    case 9:
      return { kind: 'hang-disk', atUs, forUs, node };
    default:
      return random.chance(0.5)
        ? { kind: 'bad-network', atUs, forUs, lossChance: random.pick([0.1, 0.3]) }
        : {
            kind: 'clock-jump',
            atUs,
            machine: random.below(nodes + proxies),
            offsetUs: random.between(-MAX_OFFSET_US, MAX_OFFSET_US),
          };
  }
}
