import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import { type Ballot, NO_BALLOT, sameBallot } from '../record/ballot.ts';
import type { SealedState } from '../record/state.ts';
import { Ack, type CommitItem, MessageType, type RecordAddress, type Response, Want } from '../rpc/messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import { majority } from './majority.ts';
import { deadAfter } from './record-change.ts';
import type { Repairer } from './repairer.ts';

/** A record that this node holds whole, without pages. */
export interface ManyRepairItem {
  readonly address: RecordAddress;
  readonly accepted: Ballot;
  readonly state: SealedState;
  /** Write it dead (the caller has seen that it has expired) instead of as it is. */
  readonly kill: boolean;
}

/** What became of each of many records, by its number. */
export interface ManyRepaired {
  /** Of all that was written. */
  readonly ballot: Ballot;
  /** How many replicas have acknowledged it: fewer than `quorum` is not written, as far as is known. */
  readonly acks: Uint8Array;
  readonly quorum: number;
  readonly replicas: number;
}

/**
 * Repairs many records, of shards that the same nodes hold, in two round trips: PREPARE to Q nodes; and COMMIT to all of what
 * those Q hold under the same ballot as this node, whose state is then the base. What is not so is left alone.
 *
 * Not for shards that are moving. At most limits.expressItems records. Calls `done` when every replica has answered, or can
 * no more.
 */
export function repairMany(
  repairer: Repairer,
  items: readonly ManyRepairItem[],
  done: (repaired: ManyRepaired) => void,
): void {
  new ManyRepair(repairer, items, done).begin();
}

class ManyRepair {
  readonly #repairer: Repairer;
  readonly #items: readonly ManyRepairItem[];
  readonly #done: (repaired: ManyRepaired) => void;
  readonly #agreed: Uint8Array;
  readonly #acks: Uint8Array;
  #ballot: Ballot = NO_BALLOT;
  #nodes: readonly NodeId[] = [];
  #quorum = 1;

  constructor(repairer: Repairer, items: readonly ManyRepairItem[], done: (repaired: ManyRepaired) => void) {
    assert(items.length <= limits.expressItems, 'a batch fits a message');
    this.#repairer = repairer;
    this.#items = items;
    this.#done = done;
    this.#agreed = new Uint8Array(items.length);
    this.#acks = new Uint8Array(items.length);
  }

  begin(): void {
    const first = this.#items[0];
    this.#nodes = first === undefined ? [] : this.#repairer.nodesOf(first.address);
    if (first === undefined || this.#nodes.length === 0 || this.#repairer.isMoving(first.address.shard)) {
      this.#finish();
      return;
    }
    this.#quorum = majority(this.#nodes.length);
    this.#ballot = this.#repairer.rounds.ballots.next();
    const request = {
      type: MessageType.prepareMany,
      load: true,
      ballot: this.#ballot,
      addresses: this.#items.map(({ address }) => address),
      wants: this.#items.map(() => Want.nothing),
    } as const;
    this.#ask(
      this.#nodes.slice(0, this.#quorum),
      request,
      (response) => this.#onPromises(response),
      () => this.#commit(),
    );
  }

  #onPromises(response: Response): void {
    if (response.type !== MessageType.promisesMany) return;
    for (let i = 0; i < this.#items.length; i++) {
      const accepted = response.accepted[i] ?? null;
      const item = this.#items[i];
      if (accepted === null || item === undefined || !sameBallot(accepted, item.accepted)) continue;
      this.#agreed[i] = (this.#agreed[i] ?? 0) + 1;
    }
  }

  #commit(): void {
    const commits: CommitItem[] = [];
    const places: number[] = [];
    for (let i = 0; i < this.#items.length; i++) {
      const item = this.#items[i];
      if (item === undefined || (this.#agreed[i] ?? 0) < this.#quorum) continue;
      const state = item.kill ? deadAfter(item.state.header, this.#ballot) : item.state;
      commits.push({ address: item.address, ballot: this.#ballot, state, next: null, encoded: undefined });
      places.push(i);
    }
    if (commits.length === 0) {
      this.#finish();
      return;
    }
    const acks = this.#acks;
    const count = (response: Response, node: NodeId): void => {
      if (response.type !== MessageType.acksMany) return;
      for (let i = 0; i < commits.length; i++) {
        const ack = response.acks[i] ?? Ack.passed;
        if (ack === Ack.passed) this.#commitAlone(node, commits[i]);
        const place = places[i] ?? 0;
        if (ack === Ack.accepted || ack === Ack.acceptedAndNext) acks[place] = (acks[place] ?? 0) + 1;
      }
    };
    const request = { type: MessageType.commitMany, load: true, items: commits } as const;
    this.#ask(this.#nodes, request, count, () => {
      for (const place of places) {
        if ((acks[place] ?? 0) >= this.#quorum) this.#repairer.counters.add('repair-written');
      }
      this.#finish();
    });
  }

  #finish(): void {
    this.#done({
      ballot: this.#ballot,
      acks: this.#acks,
      quorum: this.#quorum,
      replicas: this.#nodes.length,
    });
  }

  /** To a node that does nothing about many: its record is damaged, for one. The outcome is left to the next sweep. */
  #commitAlone(node: NodeId, item: CommitItem | undefined): void {
    if (item === undefined) return;
    const commit = { ...item, type: MessageType.commit, baseOrigin: NO_BALLOT, pages: null } as const;
    this.#repairer.caller.call(node, commit, limits.deadlineMs, (response) => {
      if (response.type !== MessageType.reject) return;
      this.#repairer.rounds.ballots.observe(Math.max(response.ballot.time, response.floor.time));
    });
  }

  /** Calls `each` with every answer, then `end` once. */
  #ask(
    nodes: readonly NodeId[],
    request: Parameters<Repairer['caller']['call']>[1],
    each: (response: Response, node: NodeId) => void,
    end: () => void,
  ): void {
    const { caller, rounds } = this.#repairer;
    let open = nodes.length;
    for (const node of nodes) {
      caller.call(node, request, limits.deadlineMs, (response) => {
        if (response.type === MessageType.lost) rounds.health.failed(node);
        each(response, node);
        open--;
        if (open === 0) end();
      });
    }
  }
}
