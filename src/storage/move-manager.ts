import { limits } from '../base/limits.ts';
import { findNode, withStartedNode } from '../cluster/cluster-map.ts';
import { type StoreResult, updateClusterMap } from '../cluster/config-store.ts';
import type { ClusterMap, NodeEntry } from '../cluster/map.ts';
import { nodesToGo, withMovesBegun, withMoveTakenBack, withNodesGone, withRelearning } from '../cluster/members.ts';
import type { Repairer } from '../quorum/repairer.ts';
import { MessageType } from '../rpc/messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import type { NodePeerParts, NodeWork } from './node-peer-parts.ts';

export interface MoveManagerParts extends NodePeerParts {
  readonly repairer: Repairer;
}

/**
 * What each node does about members (protocol §8), so that nobody has to drive a change of them: enters itself, at its first
 * start and when it has lost its disk; turns goals of its own into moves; takes moves of its shards back whose learner is
 * silent; and takes nodes out of the map that were to leave and have nothing left. All by compare-and-swap.
 */
export class MoveManager implements NodeWork {
  readonly #parts: MoveManagerParts;
  /** Of learners that stand beside this node: when each was last heard of, monotonic. */
  readonly #heardMs = new Map<NodeId, number>();
  #pingAtMs = 0;
  #isChanging = false;
  #isDue = false;
  #lastProblem = '';
  #isStopped = false;

  constructor(parts: MoveManagerParts) {
    this.#parts = parts;
    parts.node.onMap(() => this.#soon());
  }

  start(): void {
    this.#tick();
  }

  stop(): void {
    this.#isStopped = true;
  }

  get #nodeId(): NodeId {
    return this.#parts.node.nodeId;
  }

  #tick(): void {
    if (this.#isStopped) return;
    this.#look();
    // Not all nodes at once.
    const { clock, random } = this.#parts;
    clock.after(limits.moveManagerMs * (0.75 + random.unit() / 2), () => this.#tick());
  }

  #soon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#parts.clock.after(0, () => {
      this.#isDue = false;
      if (!this.#isStopped) this.#look();
    });
  }

  #look(): void {
    if (this.#isChanging) return;
    const { map, node } = this.#parts;
    const { current } = map;
    // What the node goes by may be a little behind what it has heard of.
    const known = findNode(current, this.#nodeId)?.node;
    const { shards } = node;
    if (known === undefined) return;
    if (known.incarnation !== shards.map.incarnation) this.#enter(known);
    else if (shards.map.spoiledShards().length > 0) this.#enterAgain();
    else if (this.#mayBegin(current))
      this.#change((newest) => withMovesBegun(newest, this.#nodeId, limits.movesAtOncePerLearner));
    else if (nodesToGo(current).length > 0) this.#change((newest) => withNodesGone(newest, nodesToGo(newest)));
    else this.#watchLearners(current);
  }

  #enter(known: NodeEntry): void {
    const { incarnation } = this.#parts.node.shards.map;
    const started = (newest: NodeEntry): NodeEntry => ({ ...newest, incarnation });
    if (known.incarnation === '') {
      this.#change((newest) => {
        const entry = findNode(newest, this.#nodeId)?.node;
        return entry?.incarnation === '' ? withStartedNode(newest, started(entry)) : null;
      });
      return;
    }
    this.#change((newest) => {
      const entry = findNode(newest, this.#nodeId)?.node;
      if (entry === undefined || entry.incarnation === incarnation) return null;
      const relearning = withRelearning(newest, started(entry));
      if (relearning === null) {
        this.#complain(
          'this node has lost its disk or does not trust it, and another zone of its shards has, too: it waits until that one has learned them again. If no zone is left to learn from, see: junokv cluster trust-disks',
        );
      }
      return relearning;
    });
  }

  /** The map gives this node shards that it has begun to delete: it was trusted too late. */
  #enterAgain(): void {
    this.#complain('this node had begun to learn anew when it was told to trust its disk: it learns all of it again');
    this.#change((newest) => {
      const entry = findNode(newest, this.#nodeId)?.node;
      return entry === undefined ? null : withRelearning(newest, entry);
    });
  }

  /** Goals become moves many at a time, since each time is a change of the map. */
  #mayBegin(map: ClusterMap): boolean {
    if (!map.goals.some((goal) => goal.to === this.#nodeId)) return false;
    const moving = map.moves.filter((move) => move.learner === this.#nodeId).length;
    if (moving > limits.movesAtOncePerLearner / 2) return false;
    return withMovesBegun(map, this.#nodeId, limits.movesAtOncePerLearner) !== null;
  }

  /** Learners beside this node, and the shards of theirs that it still answers for. */
  #learnersBeside(map: ClusterMap): Map<NodeId, number[]> {
    const beside = new Map<NodeId, number[]>();
    for (const { shard, zone, learner, oldVotes } of map.moves) {
      if (!oldVotes || map.zones[zone]?.placement[shard] !== this.#nodeId) continue;
      const shards = beside.get(learner);
      if (shards === undefined) beside.set(learner, [shard]);
      else shards.push(shard);
    }
    return beside;
  }

  #watchLearners(map: ClusterMap): void {
    const { clock, repairer } = this.#parts;
    const nowMs = clock.monotonicMs();
    const beside = this.#learnersBeside(map);
    for (const learner of this.#heardMs.keys()) if (!beside.has(learner)) this.#heardMs.delete(learner);
    const silent: number[] = [];
    for (const [learner, shards] of beside) {
      const heardMs = this.#heardMs.get(learner);
      if (heardMs === undefined) this.#heardMs.set(learner, nowMs);
      else if (nowMs - heardMs > limits.learnerSilentMs) silent.push(...shards);
    }
    if (silent.length > 0) {
      this.#parts.log.warn(
        { nodeId: this.#nodeId, shards: silent.length },
        'a learner is silent: its moves are taken back',
      );
      for (const learner of beside.keys()) this.#heardMs.set(learner, nowMs);
      this.#change((newest) => withMoveTakenBack(newest, silent));
      return;
    }
    if (nowMs < this.#pingAtMs) return;
    this.#pingAtMs = nowMs + limits.learnerPingMs;
    for (const learner of beside.keys()) {
      repairer.caller.call(learner, { type: MessageType.nodeStatus }, limits.learnerPingMs, (response) => {
        if (response.type === MessageType.status && this.#heardMs.has(learner)) {
          this.#heardMs.set(learner, clock.monotonicMs());
        }
      });
    }
  }

  #change(change: (map: ClusterMap) => ClusterMap | null): void {
    const { map } = this.#parts;
    this.#isChanging = true;
    const done = (result: StoreResult<ClusterMap>): void => {
      this.#isChanging = false;
      if (result.ok) map.adopt(result.value);
      else this.#complain(result.problem);
    };
    void updateClusterMap(map.store, change).then(done, (error: unknown) =>
      done({ ok: false, problem: String(error) }),
    );
  }

  /** Once, until it is another. */
  #complain(problem: string): void {
    if (problem === this.#lastProblem) return;
    this.#lastProblem = problem;
    this.#parts.log.warn({ nodeId: this.#nodeId }, problem);
  }
}
