import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { ClusterMap } from '../cluster/map.ts';
import { Role } from './node-map.ts';
import type { NodePeerParts, NodeWork } from './node-peer-parts.ts';
import type { ShardStore } from './shard-store.ts';

/**
 * Deletes the copies of shards that the map gives to others (protocol §8, step 3), in the background: after each change of the
 * map, and at a start those that a node held when it stopped.
 */
export class ShardJanitor implements NodeWork {
  readonly #shards: ShardStore;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #nodeId: number;
  /** Which may hold something although they are not this node's. */
  readonly #suspects = new Set<number>();
  #isDropping = false;
  #isStopped = false;

  constructor({ node, clock, log }: Pick<NodePeerParts, 'node' | 'clock' | 'log'>) {
    this.#shards = node.shards;
    this.#clock = clock;
    this.#log = log;
    this.#nodeId = node.nodeId;
    const { map } = this.#shards;
    for (let shard = 0; shard < node.map.shards; shard++) {
      if (map.roleOf(shard) === Role.none) this.#suspects.add(shard);
    }
    let before = this.#given(node.map);
    node.onMap((newest) => {
      const now = this.#given(newest);
      for (const shard of before) if (!now.has(shard)) this.#suspects.add(shard);
      before = now;
      for (const { shard, stage } of this.#shards.marks()) {
        if (stage === 'learned' && map.roleOf(shard) === Role.answers && !map.learns(shard))
          this.#shards.forgetMark(shard);
      }
      this.#drop();
    });
  }

  start(): void {
    this.#drop();
  }

  stop(): void {
    this.#isStopped = true;
  }

  #given(map: ClusterMap): Set<number> {
    const given = new Set<number>();
    for (let shard = 0; shard < map.shards; shard++) {
      if (this.#shards.map.roleOf(shard) !== Role.none) given.add(shard);
    }
    return given;
  }

  #drop(): void {
    if (this.#isDropping || this.#isStopped) return;
    const { map } = this.#shards;
    const stray = new Set([...this.#suspects].filter((shard) => map.roleOf(shard) === Role.none));
    this.#suspects.clear();
    if (stray.size === 0) return;
    this.#isDropping = true;
    this.#shards.drop(stray, () => {
      this.#isDropping = false;
      this.#log.debug({ nodeId: this.#nodeId, shards: stray.size }, "copies of other nodes' shards are deleted");
      this.#clock.after(limits.learnRetryMs, () => this.#drop());
    });
  }
}
