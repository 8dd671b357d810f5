import type { SimNode, SimProxy } from './machines.ts';
import type { LinkProfile } from './plan.ts';
import type { CutDirection, Fault } from './plan-faults.ts';
import { changeMembers, markZone, mayLoseDisk } from './sim-members.ts';
import { type NetworkPolicy, nodeName, type SimLink, type SimMessage } from './sim-network.ts';
import { SimRandom } from './sim-random.ts';
import type { World } from './world.ts';

/** Between one node and one other process: what comes to the node is lost, or what leaves it. */
interface Cut {
  readonly node: string;
  /** Null: all others. */
  readonly other: string | null;
  readonly direction: CutDirection;
}

/** Random delays, losses, copies and late arrivals, and the cuts that faults make. Each link has a stream of its own. */
export class RandomNetwork implements NetworkPolicy {
  readonly #seed: number;
  readonly #streams = new Map<string, SimRandom>();
  readonly cuts = new Set<Cut>();
  #profile: LinkProfile;
  readonly lossBursts = new Set<number>();
  /** By the sender: how many requests it has yet to send, and what happens then, before it sends any more. */
  readonly strikes = new Map<string, { left: number; strike(): void }>();

  constructor(seed: number, profile: LinkProfile) {
    this.#seed = seed;
    this.#profile = profile;
  }

  /** From now on nothing is lost, doubled or late. */
  calm(): void {
    this.cuts.clear();
    this.strikes.clear();
    this.lossBursts.clear();
    this.#profile = { ...this.#profile, lossChance: 0, duplicateChance: 0, lateChance: 0 };
  }

  route(message: SimMessage): readonly number[] {
    const { from, to } = message;
    if (message.response === null) this.#countDown(from);
    const random = this.#stream(`${from}>${to}`);
    const profile = this.#profile;
    const firstUs = profile.minUs + random.exponential(profile.meanUs);
    const lossChance = Math.max(profile.lossChance, ...this.lossBursts);
    if (random.chance(lossChance) || this.#isCut(from, to)) return [];
    const delays = [random.chance(profile.lateChance) ? firstUs + random.exponential(profile.lateUs) : firstUs];
    if (random.chance(profile.duplicateChance)) delays.push(firstUs + random.exponential(4 * profile.meanUs));
    return delays;
  }

  noticeUs(): number {
    return this.#profile.minUs + this.#stream('notice').exponential(this.#profile.meanUs);
  }

  #countDown(from: string): void {
    const strike = this.strikes.get(from);
    if (strike === undefined || --strike.left > 0) return;
    this.strikes.delete(from);
    strike.strike();
  }

  #isCut(from: string, to: string): boolean {
    for (const { node, other, direction } of this.cuts) {
      if (to === node && direction !== 'leaving' && (other === null || other === from)) return true;
      if (from === node && direction !== 'coming' && (other === null || other === to)) return true;
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
    case 'power-loss':
    case 'wipe-disk': {
      const node = world.node(fault.node + 1);
      const loses = fault.kind !== 'crash-node' && (fault.kind === 'wipe-disk' || world.distrustsPowerLoss);
      if (node.process === null || (loses && !mayLoseDisk(world, node))) {
        world.skippedFaults++;
        return;
      }
      if (fault.kind === 'crash-node') world.crashNode(node, null);
      else if (fault.kind === 'power-loss') world.losePower(node);
      else world.wipeNode(node);
      scheduler.at(endUs, null, () => world.startNode(node));
      break;
    }
    case 'cut-store': {
      const name = machines(world)[fault.machine]?.name;
      if (name === undefined) return;
      world.config.cutOff.add(name);
      scheduler.at(endUs, null, () => world.config.cutOff.delete(name));
      break;
    }
    case 'crash-proxy': {
      const proxy = world.proxies[fault.proxy];
      if (proxy === undefined) return;
      world.crashProxy(proxy);
      scheduler.at(endUs, null, () => world.startProxy(proxy));
      break;
    }
    case 'crash-sending': {
      const proxy = world.proxies[fault.proxy];
      if (proxy === undefined) return;
      const strike = (): void => {
        world.crashProxy(proxy);
        scheduler.after(fault.forUs, null, () => world.startProxy(proxy));
      };
      network.strikes.set(proxy.name, { left: fault.messages, strike });
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
      if (!mayLoseDisk(world, node)) {
        world.skippedFaults++;
        return;
      }
      world.corruptRecord(node, fault.key);
      scheduler.at(endUs, null, () => world.startNode(node));
      break;
    }
    case 'members':
      changeMembers(world, fault.change, fault.pick);
      break;
    case 'mark-down':
      markZone(world, fault.zone, true);
      scheduler.at(endUs, null, () => markZone(world, fault.zone, false));
      break;
    case 'map-change':
      world.changeMap(world.node(fault.node + 1), null);
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

/** As faults count them: the nodes, then the proxies. */
function machines(world: World): readonly (SimNode | SimProxy)[] {
  return [...world.nodes, ...world.proxies];
}

/** Returns by how much the clock was off before. */
function moveClock(world: World, index: number, offsetUs: number, onClockJump: () => void): number {
  const machine = machines(world)[index]?.machine;
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
  const node = nodeName(fault.node + 1);
  const other = fault.other < 0 ? null : (machines(world)[fault.other]?.name ?? null);
  const cut = { node, other, direction: fault.direction };
  network.cuts.add(cut);
  const links = (): void => {
    for (const link of world.network.linksBut(node)) {
      if (other === null || other === link.process.name) turn(link, fault.node + 1);
    }
    const own = world.network.linkOf(node);
    if (own === undefined) return;
    for (const { name, nodeId } of world.nodes) if (other === null || other === name) turn(own, nodeId);
  };
  const turn = (link: SimLink, nodeId: number): void => {
    if (network.cuts.has(cut)) world.network.reset(link, nodeId);
    else world.network.reconnect(link, nodeId);
  };
  if (fault.resets) links();
  world.scheduler.at(endUs, null, () => {
    network.cuts.delete(cut);
    if (fault.resets) links();
  });
}
