import { limits } from '../base/limits.ts';
import type { ClusterMap, ShardMove } from '../cluster/map.ts';
import type { NodeCaller } from '../quorum/node-caller.ts';
import { type Ballot, NO_BALLOT } from '../record/ballot.ts';
import type { RecordId, SealedState } from '../record/state.ts';
import { MessageType, Want } from '../rpc/messages.ts';
import type { ListedRecord, RecordsListedResponse } from '../rpc/scan-messages.ts';
import type { NodeId, Transport } from '../rpc/transport.ts';

/** Whom a shard is learned from: the nodes that vote for it besides the learner, one of a zone. */
export function oldVotersOf(map: ClusterMap, move: ShardMove): NodeId[] {
  return map.zones.flatMap((zone, index) => {
    const node = zone.placement[move.shard];
    return node === undefined || (index === move.zone && !move.oldVotes) ? [] : [node];
  });
}

/** One voter's word on a range. */
interface Report {
  readonly node: NodeId;
  readonly byId: ReadonlyMap<RecordId, ListedRecord>;
}

/** What voters say of one record, in the order of `VotedRange.nodes`. */
export interface VotedRecord {
  readonly id: RecordId;
  readonly accepted: readonly Ballot[];
  readonly states: readonly (SealedState | null)[];
}

/** What Q or more voters hold between two ids. */
export interface VotedRange {
  readonly nodes: readonly NodeId[];
  readonly records: readonly VotedRecord[];
  /** Everything up to and with this id was looked at; '' at the end of the shard. */
  readonly untilId: RecordId;
  readonly bytes: number;
}

export interface RangeQuestion {
  readonly shard: number;
  readonly shardEpoch: number;
  readonly voters: readonly NodeId[];
  readonly quorum: number;
  readonly afterId: RecordId;
  readonly untilId: RecordId;
  /** Ask every voter, not only Q. */
  readonly all: boolean;
  /** Whole states from each; else from the first alone. */
  readonly full: boolean;
}

/** What an entry costs beside its state. */
const ENTRY_BYTES = 48;

/**
 * Asks old voters what they hold of a range (protocol §8, step 2). Each answers only at the shard's epoch, so what Q of them say
 * comprises all that was ever chosen under older ones.
 */
export class OldVoters {
  readonly #caller: NodeCaller;
  readonly #transport: Transport;

  constructor(caller: NodeCaller, transport: Transport) {
    this.#caller = caller;
    this.#transport = transport;
  }

  /** Null: fewer than Q have answered. */
  ask(question: RangeQuestion, done: (range: VotedRange | null) => void): void {
    new RangeRound(this.#caller, this.#inOrder(question), done).begin();
  }

  /** Nodes that are up first; the shard decides who comes first of those, so that the load is spread. */
  #inOrder(question: RangeQuestion): RangeQuestion {
    const { voters, shard } = question;
    const start = voters.length === 0 ? 0 : shard % voters.length;
    const rotated = [...voters.slice(start), ...voters.slice(0, start)];
    const up = rotated.filter((node) => this.#transport.isUp(node));
    const down = rotated.filter((node) => !this.#transport.isUp(node));
    return { ...question, voters: [...up, ...down] };
  }
}

class RangeRound {
  readonly #caller: NodeCaller;
  readonly #question: RangeQuestion;
  readonly #done: (range: VotedRange | null) => void;
  readonly #reports: Report[] = [];
  #untilId: RecordId;
  #asked = 0;
  #open = 0;
  #bytes = 0;
  #isDone = false;

  constructor(caller: NodeCaller, question: RangeQuestion, done: (range: VotedRange | null) => void) {
    this.#caller = caller;
    this.#question = question;
    this.#done = done;
    this.#untilId = question.untilId;
  }

  begin(): void {
    this.#askNext();
  }

  /** The first answer says how long the range is; the others follow together. */
  #askNext(): void {
    const { voters, quorum, all } = this.#question;
    const wanted = all ? voters.length : quorum;
    const together = this.#reports.length === 0 ? 1 : wanted;
    while (this.#reports.length + this.#open < together && this.#asked < voters.length) this.#askOne();
    if (this.#open === 0) this.#finish();
  }

  #askOne(): void {
    const { shard, shardEpoch, voters, afterId, full } = this.#question;
    const node = voters[this.#asked++];
    if (node === undefined) return;
    this.#open++;
    const isFirst = this.#reports.length === 0;
    const request = {
      type: MessageType.listRecords,
      shard,
      shardEpoch,
      afterId,
      untilId: this.#untilId,
      limit: isFirst ? limits.learnRangeRecords : limits.scanExaminedRecords,
      want: isFirst || full ? Want.full : Want.nothing,
    } as const;
    this.#caller.call(node, request, limits.learnCallMs, (response) => {
      this.#open--;
      if (response.type === MessageType.recordsListed) this.#take(node, response);
      this.#askNext();
    });
  }

  #take(node: NodeId, { entries, lastId, exhausted }: RecordsListedResponse): void {
    if (!exhausted && (this.#untilId === '' || lastId < this.#untilId)) this.#untilId = lastId;
    const byId = new Map<RecordId, ListedRecord>();
    for (const entry of entries) {
      byId.set(entry.id, entry);
      const { state } = entry;
      this.#bytes += ENTRY_BYTES + (state === null ? 0 : state.meta.length + (state.value?.length ?? 0));
    }
    this.#reports.push({ node, byId });
  }

  #finish(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    if (this.#reports.length < this.#question.quorum) {
      this.#done(null);
      return;
    }
    const untilId = this.#untilId;
    const ids = new Set<RecordId>();
    for (const { byId } of this.#reports) {
      for (const id of byId.keys()) if (untilId === '' || id <= untilId) ids.add(id);
    }
    const records = [...ids].sort().map((id) => ({
      id,
      accepted: this.#reports.map(({ byId }) => byId.get(id)?.accepted ?? NO_BALLOT),
      states: this.#reports.map(({ byId }) => byId.get(id)?.state ?? null),
    }));
    const nodes = this.#reports.map(({ node }) => node);
    this.#done({ nodes, records, untilId, bytes: this.#bytes });
  }
}

/** The id right before this one: a range from there up to it holds nothing else. '' for the first. */
export function idBefore(id: RecordId): RecordId {
  const bytes = Buffer.from(id, 'latin1');
  for (let i = bytes.length - 1; i >= 0; i--) {
    const byte = bytes[i] ?? 0;
    bytes[i] = (byte - 1) & 0xff;
    if (byte > 0) return bytes.toString('latin1');
  }
  return '';
}
