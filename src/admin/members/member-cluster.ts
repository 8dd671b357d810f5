import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import { silentLog } from '../../base/log.ts';
import { nodesOf } from '../../cluster/cluster-map.ts';
import type { ConfigStore, StoreResult } from '../../cluster/config-store.ts';
import type { Registration } from '../../cluster/etcd-registration.ts';
import type { ClusterMap, NodeEntry } from '../../cluster/map.ts';
import { ANY_INCARNATION } from '../../rpc/handshake.ts';
import { MessageType, type NodeStatus, type Request, type Response } from '../../rpc/messages.ts';
import type { SweepToldResponse } from '../../rpc/sweep-messages.ts';
import { TcpTransport } from '../../rpc/tcp-transport.ts';
import type { CommandInput } from '../command-input.ts';
import { openSharedCluster } from '../separate-cluster.ts';
import { EXIT_FAILED } from '../serve.ts';
import { openClusterTls } from '../tls-setup.ts';

/** What storage nodes answered, by their ids. */
export interface NodeReports {
  readonly status: ReadonlyMap<number, NodeStatus>;
  readonly sweep: ReadonlyMap<number, SweepToldResponse>;
}

/** A cluster as the commands that change its members reach it: by its config store, and its storage nodes over TCP. */
export interface MemberCluster {
  readonly map: ClusterMap;
  readonly store: ConfigStore;
  /** Asks each node of `map`, also one whose incarnation the map does not know; who does not answer in time is left out. */
  ask(map: ClusterMap): Promise<NodeReports>;
  /** The processes that are registered; null: the store has no place for them. */
  readonly registrations: (() => Promise<StoreResult<readonly Registration[]>>) | null;
}

/** Opens the cluster of --map or --etcd, and --secret, for `use`, keeps the process alive meanwhile, and complains where it cannot. */
export async function withMemberCluster(
  { config, given, system }: CommandInput,
  use: (cluster: MemberCluster) => Promise<number>,
): Promise<number> {
  const hold = system.hold();
  const parts = { clock: system.clock, random: system.random, log: silentLog };
  try {
    const opened = await openSharedCluster({ config, given }, parts, null);
    if (!opened.ok) {
      system.complain(`junokv: ${opened.problem}`);
      return EXIT_FAILED;
    }
    const { map, store, secret, registrations } = opened.cluster;
    const tls = await openClusterTls(config, parts);
    if (!tls.ok) {
      store.close();
      system.complain(`junokv: ${tls.problem}`);
      return EXIT_FAILED;
    }
    const transport = new TcpTransport({ clusterId: map.clusterId, secret, ...parts, tls: tls.part });
    try {
      return await use({
        map,
        store,
        registrations,
        ask: (asked) => askNodes(nodesOf(asked), transport, system.clock),
      });
    } finally {
      transport.close();
      tls.part?.close();
      store.close();
    }
  } finally {
    hold.cancel();
  }
}

const STATUS: Request = { type: MessageType.nodeStatus };
const SWEEP: Request = { type: MessageType.sweepStatus };

/** One connection to each node; it is asked as soon as it stands, and again if that breaks before it has answered. */
function askNodes(nodes: readonly NodeEntry[], transport: TcpTransport, clock: Clock): Promise<NodeReports> {
  const status = new Map<number, NodeStatus>();
  const sweep = new Map<number, SweepToldResponse>();
  const unanswered = new Set(nodes.flatMap(({ id }) => [statusTag(id), statusTag(id) + 1]));
  return new Promise((resolve) => {
    const done = (): void => {
      timer.cancel();
      transport.setListener({ onNodeUp() {}, onNodeDown() {} });
      resolve({ status, sweep });
    };
    const timer = clock.after(limits.memberAnswerMs, done);
    const receiver = {
      onResponse(tag: number, response: Response): void {
        if (response.type === MessageType.lost || !unanswered.delete(tag)) return;
        if (response.type === MessageType.status) status.set(response.status.nodeId, response.status);
        if (response.type === MessageType.sweepTold) sweep.set((tag - 1) / 2, response);
        if (unanswered.size === 0) done();
      },
    };
    transport.setNodes(nodes.map((node) => ({ ...node, incarnation: ANY_INCARNATION })));
    // Tells of those that are up already, too.
    transport.setListener({
      onNodeUp({ nodeId }) {
        transport.send(nodeId, STATUS, receiver, statusTag(nodeId));
        transport.send(nodeId, SWEEP, receiver, statusTag(nodeId) + 1);
      },
      onNodeDown() {},
    });
    if (nodes.length === 0) done();
  });
}

/** The tag of a node's question for its status; the next one is that for its sweep. */
function statusTag(nodeId: number): number {
  return 2 * nodeId;
}
