import { logWith } from '../base/log.ts';
import { nodesOf } from '../cluster/cluster-map.ts';
import type { ConfigStore } from '../cluster/config-store.ts';
import type { ClusterMap } from '../cluster/map.ts';
import { MapHolder } from '../quorum/map-holder.ts';
import { Repairer } from '../quorum/repairer.ts';
import { InProcessTransport } from '../rpc/in-process-transport.ts';
import { OwnNodeTransport } from '../rpc/own-node-transport.ts';
import { TcpTransport } from '../rpc/tcp-transport.ts';
import type { Transport } from '../rpc/transport.ts';
import { Learner } from '../storage/learner.ts';
import { LearnerRules } from '../storage/learner-rules.ts';
import { MoveManager } from '../storage/move-manager.ts';
import type { NodePeerParts, NodeWork } from '../storage/node-peer-parts.ts';
import { ShardJanitor } from '../storage/shard-janitor.ts';
import type { StorageNode } from '../storage/storage-node.ts';
import { Sweeper } from '../storage/sweeper.ts';
import type { ObservedWork } from './metrics/observed.ts';
import { takeProposer } from './proposer-id.ts';
import type { ProcessParts } from './running.ts';

/** A storage node's connections to its peers. */
export interface PeerNetwork {
  readonly transport: Transport;
  /** Told of every newer map. */
  onMap(map: ClusterMap): void;
  close(): void;
}

export interface NodeProposerSetup {
  readonly node: StorageNode;
  readonly store: ConfigStore;
  readonly network: PeerNetwork;
  /** In place of `startNodeWork`: the simulator breaks a rule here. */
  readonly startWork?: (parts: NodePeerParts) => readonly NodeWork[];
}

/** What a storage node does by itself, beside answering. */
export interface NodeProposer {
  /** Before the node itself is stopped. */
  stop(): void;
}

/**
 * Makes a storage node a proposer: it follows the config store's map, gets a proposer id of its own, and starts what nodes do by
 * themselves. The store may be away meanwhile: the node answers all the same, and the work begins when it is back.
 */
export function startNodeProposer(setup: NodeProposerSetup, parts: ProcessParts): NodeProposer {
  const { node, store, network } = setup;
  const { clock, random, observed } = parts;
  const log = logWith(parts.log, { node: node.nodeId });
  const map = new MapHolder(store, node.map, clock, log);
  let work: readonly NodeWork[] = [];
  let isStopped = false;
  network.onMap(map.current);
  map.onChange((newest) => {
    node.adoptMap(newest);
    network.onMap(newest);
  });
  node.onMap((adopted) => map.adopt(adopted));
  const watch = store.watch(map.current.epoch, (newest) => map.adopt(newest));
  takeProposer(store, parts, (proposer) => {
    if (isStopped) return;
    const nextProposer = (done: (proposer: number) => void): void => takeProposer(store, parts, done);
    const noteWork = (seen: ObservedWork): void => {
      const entry = observed?.nodes.get(node.nodeId);
      if (entry?.node === node) entry.work = seen;
    };
    const startWork = setup.startWork ?? ((peer: NodePeerParts) => startNodeWork(peer, new LearnerRules(), noteWork));
    work = startWork({ node, clock, random, log, map, transport: network.transport, proposer, nextProposer });
  });
  return {
    stop() {
      isStopped = true;
      for (const each of work) each.stop();
      watch.stop();
      network.close();
    },
  };
}

/** All share one repairer, and so the proposer id that its ballots are made of. */
export function startNodeWork(
  parts: NodePeerParts,
  learnerRules: LearnerRules = new LearnerRules(),
  noteWork: (seen: ObservedWork) => void = () => {},
): NodeWork[] {
  const { node, clock, log } = parts;
  const repairer = new Repairer(parts);
  const sweeper = new Sweeper({ nodeId: node.nodeId, server: node.sweeps, repairer, clock, log });
  const learner = new Learner({ ...parts, repairer, rules: learnerRules });
  const moves = new MoveManager({ ...parts, repairer });
  const janitor = new ShardJanitor(parts);
  const work = [moves, learner, janitor, sweeper];
  for (const each of work) each.start();
  noteWork({ repairer, learned: learner.counts });
  return work;
}

/** All nodes are in this process. */
export function localPeers(nodes: readonly StorageNode[], parts: ProcessParts): PeerNetwork {
  const transport = new InProcessTransport(parts.clock);
  for (const node of nodes) transport.addNode(node);
  return { transport, onMap() {}, close() {} };
}

/** The other nodes are processes of their own. */
export function remotePeers(node: StorageNode, clusterId: string, secret: Buffer, parts: ProcessParts): PeerNetwork {
  const own = new InProcessTransport(parts.clock);
  own.addNode(node);
  const others = new TcpTransport({ clusterId, secret, ...parts });
  return {
    transport: new OwnNodeTransport(node.nodeId, own, others),
    onMap(map) {
      others.setNodes(nodesOf(map).filter(({ id, incarnation }) => id !== node.nodeId && incarnation !== ''));
    },
    close: () => others.close(),
  };
}
