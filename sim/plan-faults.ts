import type { SimRandom } from './sim-random.ts';

/** What comes to a node is lost, or what leaves it. */
export type CutDirection = 'coming' | 'leaving' | 'both';

export type MemberChangeKind = 'add' | 'add-everywhere' | 'remove' | 'replace' | 'spread' | 'move' | 'cancel';

/** `node` and `proxy` count from 0, `machine` the nodes and then the proxies; `forUs`: how long until all is as before. */
export type Fault =
  | { readonly kind: 'crash-node'; readonly atUs: number; readonly forUs: number; readonly node: number }
  /** What was not synced is gone, and unless every write is synced the disk is not trusted from then on. */
  | { readonly kind: 'power-loss'; readonly atUs: number; readonly forUs: number; readonly node: number }
  | { readonly kind: 'wipe-disk'; readonly atUs: number; readonly forUs: number; readonly node: number }
  | { readonly kind: 'crash-proxy'; readonly atUs: number; readonly forUs: number; readonly proxy: number }
  /** With so many more requests sent; the last of these is its last word. */
  | {
      readonly kind: 'crash-sending';
      readonly atUs: number;
      readonly forUs: number;
      readonly proxy: number;
      readonly messages: number;
    }
  | {
      readonly kind: 'cut';
      readonly atUs: number;
      readonly forUs: number;
      readonly node: number;
      /** A machine; -1: all of them. */
      readonly other: number;
      readonly direction: CutDirection;
      /** The connection breaks too, as it does when a machine says so; else everything just vanishes. */
      readonly resets: boolean;
    }
  /** The machine cannot reach the config store. */
  | { readonly kind: 'cut-store'; readonly atUs: number; readonly forUs: number; readonly machine: number }
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
  /** An operator changes the members (`sim-members.ts`); `pick` decides where there is a choice. */
  | { readonly kind: 'members'; readonly atUs: number; readonly change: MemberChangeKind; readonly pick: number }
  | { readonly kind: 'mark-down'; readonly atUs: number; readonly forUs: number; readonly zone: number }
  /** The epochs of all shards rise; this node is told first. */
  | { readonly kind: 'map-change'; readonly atUs: number; readonly node: number }
  /** A wall clock is far ahead for a while. */
  | {
      readonly kind: 'wild-clock';
      readonly atUs: number;
      readonly forUs: number;
      readonly machine: number;
      readonly aheadUs: number;
    }
  | { readonly kind: 'clock-jump'; readonly atUs: number; readonly machine: number; readonly offsetUs: number };

/** What there is to be hit. */
export interface Targets {
  readonly zones: number;
  /** Of all zones, also those that are not of the cluster yet. */
  readonly nodes: number;
  readonly proxies: number;
  readonly keys: readonly string[];
  /** Wall clocks stay so near to the true time. */
  readonly maxOffsetUs: number;
}

export function makeFaults(random: SimRandom, targets: Targets): Fault[] {
  const count = random.between(3, 9);
  const spanUs = random.pick([300_000, 1_500_000, 5_000_000, 10_000_000]);
  return Array.from({ length: count }, () => makeFault(random, targets, spanUs)).sort((a, b) => a.atUs - b.atUs);
}

/** Damaged disks, wild clocks and new maps, in some of the seeds. `learning`: some nodes may have to learn their shards. */
export function makeRareFaults(
  random: SimRandom,
  { zones, nodes, proxies, keys }: Targets,
  learning: boolean,
): Fault[] {
  const faults: Fault[] = [];
  const atUs = (): number => random.below(1_500_000);
  // At most N - Q nodes of a shard may be damaged: always the same one.
  const node = random.below(nodes);
  if (zones > 1 && random.chance(0.15)) {
    for (let i = random.between(1, 3); i > 0; i--) {
      const forUs = random.between(100, 5_000);
      faults.push({ kind: 'corrupt-record', atUs: atUs(), forUs, node, key: random.pick(keys) });
    }
  }
  if (random.chance(0.1)) {
    const aheadUs = random.pick([8_000_000, 3_600_000_000]);
    // A node that was an hour ahead promises nothing for an hour, nor does who learns from it: only where others are left.
    const machine = zones > 1 && !learning && random.chance(0.3) ? node : nodes + random.below(proxies);
    faults.push({ kind: 'wild-clock', atUs: atUs(), forUs: random.between(5_000, 500_000), machine, aheadUs });
  }
  if (random.chance(0.15)) {
    for (let i = random.between(1, 3); i > 0; i--) {
      faults.push({ kind: 'map-change', atUs: atUs(), node: random.below(nodes) });
    }
  }
  return faults;
}

/** Disks that are lost, and members that change, also while others do: in seeds that have several nodes or spares to a zone. */
export function makeMemberFaults(random: SimRandom, { zones, nodes }: Targets): Fault[] {
  const spanUs = random.pick([500_000, 3_000_000]);
  const faults: Fault[] = [];
  const changes: readonly MemberChangeKind[] = [
    'add',
    'add',
    'add-everywhere',
    'remove',
    'replace',
    'spread',
    'move',
    'move',
    'move',
    'cancel',
  ];
  for (let i = random.between(1, 4); i > 0; i--) {
    const atUs = random.below(spanUs);
    const forUs = random.pick([2_000, 100_000, 1_000_000]);
    if (random.chance(0.25)) faults.push({ kind: 'wipe-disk', atUs, forUs, node: random.below(nodes) });
    else if (random.chance(0.1)) faults.push({ kind: 'mark-down', atUs, forUs, zone: random.below(zones) });
    else faults.push({ kind: 'members', atUs, change: random.pick(changes), pick: random.u32() });
  }
  return faults;
}

/** Nodes that restart so fast that messages of before find them again: what they have forgotten shows. */
export function makeFlapping(random: SimRandom, nodes: number): Fault[] {
  const spanUs = random.pick([500_000, 3_000_000]);
  return Array.from({ length: random.between(40, 150) }, () => ({
    kind: 'crash-node' as const,
    atUs: random.below(spanUs),
    forUs: random.between(100, 4_000),
    node: random.below(nodes),
  })).sort((a, b) => a.atUs - b.atUs);
}

function makeFault(random: SimRandom, { nodes, proxies, maxOffsetUs }: Targets, spanUs: number): Fault {
  const atUs = random.below(spanUs);
  const forUs = random.pick([2_000, 30_000, 300_000, 2_500_000, 8_000_000]) + random.below(10_000);
  const node = random.below(nodes);
  const proxy = random.below(proxies);
  switch (random.below(12)) {
    case 0:
    case 1:
      return { kind: 'crash-node', atUs, forUs, node };
    case 2:
      return { kind: 'power-loss', atUs, forUs, node };
    case 3:
    case 4:
      return { kind: 'crash-proxy', atUs, forUs: Math.min(forUs, 100_000), proxy };
    case 5:
    case 6:
    case 7: {
      const direction = random.pick(['coming', 'leaving', 'both'] as const);
      const other = random.chance(0.4) ? -1 : random.chance(0.8) ? nodes + proxy : random.below(nodes);
      return { kind: 'cut', atUs, forUs, node, other, direction, resets: random.chance(0.4) };
    }
    case 8:
      return random.chance(0.5)
        ? { kind: 'pause-node', atUs, forUs: Math.min(forUs, 2_500_000), node }
        : { kind: 'pause-proxy', atUs, forUs: Math.min(forUs, 400_000), proxy };
    case 9:
      return { kind: 'hang-disk', atUs, forUs: Math.min(forUs, 2_500_000), node };
    case 10:
      return { kind: 'cut-store', atUs, forUs, machine: random.below(nodes + proxies) };
    default:
      return random.chance(0.5)
        ? { kind: 'bad-network', atUs, forUs, lossChance: random.pick([0.1, 0.3]) }
        : {
            kind: 'clock-jump',
            atUs,
            machine: random.below(nodes + proxies),
            offsetUs: random.between(-maxOffsetUs, maxOffsetUs),
          };
  }
}
