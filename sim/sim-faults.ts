import type { Fault, LinkProfile } from './plan.ts';
import type { NetworkPolicy, SimMessage } from './sim-network.ts';
import { nodeName } from './sim-network.ts';
import { SimRandom } from './sim-random.ts';
import type { World } from './world.ts';

interface Cut {
  readonly node: string;
  /** Null: all proxies. */
  readonly proxy: string | null;
  readonly direction: 'requests' | 'responses' | 'both';
}

/** Random delays, losses, copies and late arrivals, and the cuts that faults make. Each link has a stream of its own. */
export class RandomNetwork implements NetworkPolicy {
  readonly #seed: number;
  readonly #streams = new Map<string, SimRandom>();
  readonly cuts = new Set<Cut>();
  #profile: LinkProfile;
  readonly lossBursts = new Set<number>();

  constructor(seed: number, profile: LinkProfile) {
    this.#seed = seed;
    this.#profile = profile;
  }

  /** From now on nothing is lost, doubled or late. */
  calm(): void {
    this.cuts.clear();
    this.lossBursts.clear();
    this.#profile = { ...this.#profile, lossChance: 0, duplicateChance: 0, lateChance: 0 };
  }

  route(message: SimMessage): readonly number[] {
    const { from, to } = message;
    const isRequest = message.response === null;
    const random = this.#stream(`${from}>${to}`);
    const profile = this.#profile;
    const firstUs = profile.minUs + random.exponential(profile.meanUs);
    const lossChance = Math.max(profile.lossChance, ...this.lossBursts);
    if (random.chance(lossChance) || this.#isCut(isRequest ? from : to, isRequest ? to : from, isRequest)) return [];
    const delays = [random.chance(profile.lateChance) ? firstUs + random.exponential(profile.lateUs) : firstUs];
    if (random.chance(profile.duplicateChance)) delays.push(firstUs + random.exponential(4 * profile.meanUs));
    return delays;
  }

  noticeUs(): number {
    return this.#profile.minUs + this.#stream('notice').exponential(this.#profile.meanUs);
  }

  #isCut(proxy: string, node: string, isRequest: boolean): boolean {
    for (const cut of this.cuts) {
      if (cut.node !== node || (cut.proxy !== null && cut.proxy !== proxy)) continue;
      if (cut.direction === 'both' || (cut.direction === 'requests') === isRequest) return true;
    }
    return false;
  }

  #stream(name: string): SimRandom {
    let stream = this.#streams.get(name);
    if (stream === undefined) {
      stream = new SimRandom(this.#seed, name);
      this.#streams.set(name, stream);
    }
    return stream;
  }
}

/** Plans all faults of a run. `onClockJump` is told before and after a wall clock is moved. */
export function scheduleFaults(
  world: World,
  network: RandomNetwork,
  faults: readonly Fault[],
  onClockJump: () => void,
): void {
  for (const fault of faults) {
    world.scheduler.at(fault.atUs, null, () => begin(world, network, fault, onClockJump));
  }
}

function begin(world: World, network: RandomNetwork, fault: Fault, onClockJump: () => void): void {
  const { scheduler } = world;
  const endUs = 'forUs' in fault ? scheduler.nowUs + fault.forUs : 0;
  switch (fault.kind) {
    case 'crash-node':
    case 'power-loss': {
      const node = world.node(fault.node + 1);
      world.crashNode(node, fault.kind === 'power-loss');
      scheduler.at(endUs, null, () => world.startNode(node));
      break;
    }
    case 'crash-proxy': {
      const proxy = world.proxies[fault.proxy];
      if (proxy === undefined) return;
      world.crashProxy(proxy);
      scheduler.at(endUs, null, () => world.startProxy(proxy));
      break;
    }
    case 'cut':
      beginCut(world, network, fault, endUs);
      break;
    case 'pause-node':
      pause(world.node(fault.node + 1).process, endUs);
      break;
    case 'pause-proxy':
      pause(world.proxies[fault.proxy]?.process ?? null, endUs);
      break;
    case 'hang-disk':
      world.node(fault.node + 1).disk.hangsUntilUs = endUs;
      break;
    case 'bad-network':
      network.lossBursts.add(fault.lossChance);
      scheduler.at(endUs, null, () => network.lossBursts.delete(fault.lossChance));
      break;
    case 'corrupt-record': {
      const node = world.node(fault.node + 1);
      world.corruptRecord(node, fault.key);
      scheduler.at(endUs, null, () => world.startNode(node));
      break;
    }
    case 'map-change':
      world.changeMap(world.node(fault.node + 1));
      break;
    case 'wild-clock': {
      const offsetUs = moveClock(world, fault.machine, fault.aheadUs, onClockJump);
      scheduler.at(endUs, null, () => moveClock(world, fault.machine, offsetUs, onClockJump));
      break;
    }
    case 'clock-jump':
      moveClock(world, fault.machine, fault.offsetUs, onClockJump);
      break;
  }
}

/** Returns by how much the clock was off before. */
function moveClock(world: World, index: number, offsetUs: number, onClockJump: () => void): number {
  const machine = [...world.nodes, ...world.proxies][index]?.machine;
  if (machine === undefined) return 0;
  const before = machine.offsetUs;
  onClockJump();
  machine.offsetUs = offsetUs;
  onClockJump();
  return before;
}

function pause(process: { pausedUntilUs: number } | null, untilUs: number): void {
  if (process !== null) process.pausedUntilUs = Math.max(process.pausedUntilUs, untilUs);
}

function beginCut(world: World, network: RandomNetwork, fault: Fault & { kind: 'cut' }, endUs: number): void {
  const proxy = fault.proxy < 0 ? null : (world.proxies[fault.proxy]?.name ?? null);
  const cut = { node: nodeName(fault.node + 1), proxy, direction: fault.direction };
  network.cuts.add(cut);
  const links = (): void => {
    for (const { name, link } of world.proxies) {
      if (link === null || (proxy !== null && proxy !== name)) continue;
      if (network.cuts.has(cut)) world.network.reset(link, fault.node + 1);
      else world.network.reconnect(link, fault.node + 1);
    }
  };
  if (fault.resets) links();
  world.scheduler.at(endUs, null, () => {
    network.cuts.delete(cut);
    if (fault.resets) links();
  });
}
