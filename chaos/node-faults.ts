import type { SimRandom } from '../sim/sim-random.ts';
import type { ChaosCluster, ChaosNode } from './chaos-cluster.ts';
import type { DoorState } from './door.ts';

export const NODE_FAULTS = ['kill', 'stop', 'pause', 'shut', 'reset', 'hold', 'lose', 'delay', 'full', 'wipe'] as const;
export type NodeFaultKind = (typeof NODE_FAULTS)[number];

/** What a fault is told of its surroundings. */
export interface FaultContext {
  readonly cluster: ChaosCluster;
  readonly random: SimRandom;
  /** Of a node's small disk: what it keeps free. */
  readonly reserveBytes: number;
  /** One line about what is done. */
  note(text: string): void;
}

export async function passMs(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

/** Draws a fault that this node can have. */
export function drawNodeFault(node: ChaosNode, random: SimRandom): NodeFaultKind {
  const kind = random.pick(NODE_FAULTS);
  return kind === 'full' && node.disk === null ? 'kill' : kind;
}

/** Does it, and undoes it; resolves when the node takes part again, or can. */
export async function runNodeFault(kind: NodeFaultKind, node: ChaosNode, context: FaultContext): Promise<void> {
  const { random } = context;
  switch (kind) {
    case 'kill':
      return kill(node, context);
    case 'stop':
      await node.server.stop();
      await passMs(random.between(100, 2_000));
      return context.cluster.startNode(node);
    case 'pause':
      return pause(node.server.pid, random.between(50, 5_000));
    case 'shut':
      return behindDoor(node, { kind: 'shut' }, random.between(100, 5_000));
    case 'reset':
      for (let left = random.between(1, 10); left > 0; left--) {
        await behindDoor(node, { kind: 'shut' }, 1);
        await passMs(random.between(10, 300));
      }
      return;
    case 'hold':
    case 'lose': {
      const side = random.below(3);
      const state = { kind, requests: side !== 1, replies: side !== 2 };
      return behindDoor(node, state, random.between(100, 5_000));
    }
    case 'delay':
      return behindDoor(node, { kind: 'delay', delayMs: random.between(2, 400) }, random.between(500, 5_000));
    case 'full':
      return full(node, context);
    case 'wipe':
      await node.server.kill();
      await passMs(random.between(0, 1_000));
      return context.cluster.wipe(node);
  }
}

/** SIGSTOP, and SIGCONT a while later. */
export async function pause(pid: number, ms: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  try {
    await passMs(ms);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}

/** Some come back at once, and some of these are killed while they start. */
async function kill(node: ChaosNode, { cluster, random }: FaultContext): Promise<void> {
  await node.server.kill();
  await passMs(random.chance(0.3) ? 0 : random.between(100, 4_000));
  if (random.chance(0.2)) {
    const starting = cluster.startNode(node).catch(() => undefined);
    await passMs(random.between(50, 800));
    await node.server.kill();
    await starting;
  }
  await cluster.startNode(node);
}

async function behindDoor(node: ChaosNode, state: DoorState, ms: number): Promise<void> {
  node.door.set(state);
  try {
    await passMs(ms);
  } finally {
    node.door.open();
  }
}

/** Below the line, or quite full; some are killed meanwhile, and start on the full disk or after it was emptied. */
async function full(node: ChaosNode, { cluster, random, reserveBytes }: FaultContext): Promise<void> {
  const { disk } = node;
  if (disk === null) throw new Error('only a small disk can be filled');
  const isBrimful = random.chance(0.5);
  disk.fillUpTo(isBrimful ? 0 : Math.floor(reserveBytes / 2));
  try {
    await passMs(random.between(1_000, 5_000));
    if (random.chance(0.3)) {
      await node.server.kill();
      if (isBrimful) disk.empty();
      await cluster.startNode(node);
    }
  } finally {
    disk.empty();
  }
}
