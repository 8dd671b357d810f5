import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import type { ClusterMap } from '../../cluster/map.ts';
import { MessageType, type NodeStatus } from '../../rpc/messages.ts';
import type { SweepToldResponse } from '../../rpc/sweep-messages.ts';
import type { EngineFigures } from '../../storage/engine.ts';
import type { NodeFigures } from '../../storage/storage-node.ts';
import type { LagFigures } from './event-loop-lag.ts';
import type { Labels } from './metric.ts';
import { askNode, statusOf } from './node-status.ts';
import type { Observed, ObservedNode, ObservedProxy, WorkersFigures } from './observed.ts';
import { notReady } from './readiness.ts';

/** What this process is, for as long as it runs. */
export interface ProcessFacts {
  readonly role: string;
  readonly version: string;
  /** Unix milliseconds. */
  readonly startedAtMs: number;
  /** Of every sample: which of a proxy's processes this is. */
  readonly labels?: Labels;
}

export interface NodeSnapshot extends ObservedNode {
  readonly nodeId: number;
  /** Null while it stops. */
  readonly status: NodeStatus | null;
  /** Null while it does not sweep. */
  readonly sweep: SweepToldResponse | null;
  readonly figures: NodeFigures;
  /** Null where the engine tells nothing, or not in time. */
  readonly engine: EngineFigures | null;
}

/** All that one collection of metrics looks at, asked for once. */
export interface Snapshot {
  readonly facts: ProcessFacts;
  readonly lag: LagFigures;
  readonly isReady: boolean;
  readonly map: ClusterMap | null;
  /** Null where it is a file. */
  readonly isStoreUp: boolean | null;
  /** Unix milliseconds at which certificates end. */
  readonly certificates: readonly (readonly ['client' | 'cluster', number])[];
  readonly proxies: readonly ObservedProxy[];
  /** Null where there are none. */
  readonly workers: WorkersFigures | null;
  readonly monitorLinesDropped: number | null;
  readonly nodes: readonly NodeSnapshot[];
}

/** Resolves within limits.metricsEngineMs. */
export async function takeSnapshot(
  observed: Observed,
  facts: ProcessFacts,
  lag: LagFigures,
  clock: Clock,
): Promise<Snapshot> {
  const nodes = await Promise.all([...observed.nodes.values()].map((node) => nodeSnapshot(node, clock)));
  const isReady = notReady(observed).length === 0;
  nodes.sort((a, b) => a.nodeId - b.nodeId);
  return {
    facts,
    lag,
    isReady,
    map: observed.map(),
    isStoreUp: observed.isStoreUp?.() ?? null,
    certificates: Array.from(observed.certificates, ([connections, endMs]) => [connections, endMs()] as const),
    proxies: [...observed.proxies],
    workers: observed.workers?.figures ?? null,
    monitorLinesDropped: observed.workers?.figures.droppedLines ?? observed.monitorLinesDropped?.() ?? null,
    nodes,
  };
}

async function nodeSnapshot(observed: ObservedNode, clock: Clock): Promise<NodeSnapshot> {
  const { node } = observed;
  const engine = await new Promise<EngineFigures | null>((resolve) => {
    const timer = clock.after(limits.metricsEngineMs, () => resolve(null));
    node.engineFigures((figures) => {
      timer.cancel();
      resolve(figures);
    });
  });
  const swept = askNode(node, { type: MessageType.sweepStatus });
  return {
    ...observed,
    nodeId: node.nodeId,
    status: statusOf(node),
    sweep: swept?.type === MessageType.sweepTold ? swept : null,
    figures: node.figures(),
    engine,
  };
}
