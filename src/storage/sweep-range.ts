import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import { seatsOf } from '../cluster/seats.ts';
import { KILL_EXPIRED, WRITE_BACK } from '../quorum/record-change.ts';
import { type ManyRepaired, type ManyRepairItem, repairMany } from '../quorum/repair-many.ts';
import type { Repairer } from '../quorum/repairer.ts';
import { type Ballot, compareBallots, sameBallot } from '../record/ballot.ts';
import { type RecordId, StateKind } from '../record/state.ts';
import { decodeStored } from '../record/state-codec.ts';
import { MessageType, type RecordAddress, Want } from '../rpc/messages.ts';
import { namespaceEpochOf } from '../rpc/namespace-epoch.ts';
import type { ListedRecord } from '../rpc/scan-messages.ts';
import type { AcceptedRecord } from '../rpc/sweep-messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import { settleLeft } from './left-transactions.ts';
import { type OwnRange, type OwnRecord, readOwnRecords } from './own-records.ts';
import type { PurgeQueue } from './purge-queue.ts';
import type { SweepCounts } from './sweep-counts.ts';
import type { SweepServer } from './sweep-server.ts';

/** What the steps of a sweep work with. */
export interface SweepTools {
  readonly nodeId: NodeId;
  readonly server: SweepServer;
  readonly repairer: Repairer;
  readonly counts: SweepCounts;
  /** Told of the tombstones that were written, and that all replicas have taken. */
  readonly purges: PurgeQueue;
}

export interface RangeSwept {
  readonly lastId: RecordId;
  readonly exhausted: boolean;
  readonly bytes: number;
  readonly records: number;
  /** Of them, those that were to be killed or purged. */
  readonly due: number;
  /** Tombstones that nobody else has in mind to purge, and that are too young yet. */
  readonly waiting: number;
  /** Records that the replicas did not hold alike. */
  readonly differing: number;
}

/** A record that some replica holds otherwise than this node. */
interface Differing {
  readonly id: RecordId;
  own: OwnRecord | null;
  /** The highest ballot that anybody holds, and whether it is this node's. */
  highest: Ballot | null;
  isOwn: boolean;
  /** Numbers for its address, from whoever has it whole. */
  namespace: number;
}

/**
 * One step of a sweep: a range of a shard behind `afterId`, compared with all other replicas; what differs is repaired, what
 * has expired is killed, and what all hold dead and old is purged. Calls `done` once; null: this node cannot, or need not, now.
 */
export function sweepRange(
  tools: SweepTools,
  shard: number,
  afterId: RecordId,
  done: (swept: RangeSwept | null) => void,
): void {
  const { engine, map } = tools.server.parts;
  const epoch = map.current.shardEpochs[shard];
  if (epoch === undefined || map.shardRefusal(shard, epoch) !== null) {
    done(null);
    return;
  }
  const atMost = { records: limits.sweepRangeRecords, bytes: limits.sweepRangeBytes };
  readOwnRecords(engine, map.current, { shard, afterId, untilId: '' }, atMost, (own) => {
    if (own === null) done(null);
    else new RangeSweep(tools, shard, epoch, afterId, own, done).begin();
  });
}

class RangeSweep {
  readonly #tools: SweepTools;
  readonly #shard: number;
  readonly #epoch: number;
  readonly #own: OwnRange;
  readonly #afterId: RecordId;
  readonly #done: (swept: RangeSwept) => void;
  readonly #others: readonly NodeId[];
  /** For each own record how many of the others were seen to hold it alike. */
  readonly #agreeing: Uint8Array;
  readonly #differing = new Map<RecordId, Differing>();
  #open = 1;
  #due = 0;
  #waiting = 0;
  #unanswered = false;

  constructor(
    tools: SweepTools,
    shard: number,
    epoch: number,
    afterId: RecordId,
    own: OwnRange,
    done: (swept: RangeSwept) => void,
  ) {
    this.#tools = tools;
    this.#shard = shard;
    this.#epoch = epoch;
    this.#own = own;
    this.#afterId = afterId;
    this.#done = done;
    this.#agreeing = new Uint8Array(own.records.length);
    const seats = seatsOf(tools.server.parts.map.current, shard);
    this.#others = seats.map(({ node }) => node).filter((node) => node !== tools.nodeId);
  }

  begin(): void {
    const { counts, server } = this.#tools;
    const { records, bytes, exhausted, lastId } = this.#own;
    counts.ranges++;
    counts.records += records.length;
    counts.bytes += bytes;
    for (const { glance } of records) if (glance === null) counts.unreadable++;
    const untilId = exhausted ? '' : lastId;
    const digest = server.digestOf(this.#own);
    for (const node of this.#others) {
      this.#compare(node, digest, 0, records.length, this.#afterId, untilId, () => this.#compareParts(node, untilId));
    }
    this.#ended();
  }

  /** Asks one node for the digest of a part of the own records; `differs` if it is another one. */
  #compare(
    node: NodeId,
    digest: string,
    from: number,
    to: number,
    afterId: RecordId,
    untilId: RecordId,
    differs: () => void,
  ): void {
    const request = {
      type: MessageType.digest,
      shard: this.#shard,
      shardEpoch: this.#epoch,
      afterId,
      untilId,
    } as const;
    this.#open++;
    this.#tools.repairer.caller.call(node, request, limits.sweepTimeoutMs, (response) => {
      if (response.type !== MessageType.digested) this.#unanswered = true;
      else if (response.digest === digest && response.records === to - from) this.#agree(from, to);
      else differs();
      this.#ended();
    });
  }

  #agree(from: number, to: number): void {
    for (let i = from; i < to; i++) this.#agreeing[i] = (this.#agreeing[i] ?? 0) + 1;
  }

  #compareParts(node: NodeId, untilId: RecordId): void {
    const { records } = this.#own;
    let afterId = this.#afterId;
    for (let from = 0; from < records.length || from === 0; from += limits.sweepPartRecords) {
      const to = Math.min(records.length, from + limits.sweepPartRecords);
      const end = to === records.length ? untilId : (records[to - 1]?.id ?? untilId);
      const start = afterId;
      if (to - from === records.length) {
        this.#list(node, from, to, start, end, 0);
      } else {
        const digest = this.#tools.server.digestOf(this.#own, from, to);
        this.#compare(node, digest, from, to, start, end, () => this.#list(node, from, to, start, end, 0));
      }
      afterId = end;
    }
  }

  #list(node: NodeId, from: number, to: number, afterId: RecordId, untilId: RecordId, lists: number): void {
    this.#open++;
    const request = {
      type: MessageType.listRecords,
      shard: this.#shard,
      shardEpoch: this.#epoch,
      afterId,
      untilId,
      limit: limits.sweepListRecords,
      want: Want.meta,
    } as const;
    this.#tools.repairer.caller.call(node, request, limits.sweepTimeoutMs, (response) => {
      if (response.type === MessageType.recordsListed) {
        const { entries, lastId, exhausted } = response;
        const next = this.#merge(from, to, entries, exhausted ? untilId : lastId);
        if (!exhausted && lists < limits.sweepLists) this.#list(node, next, to, lastId, untilId, lists + 1);
      } else {
        this.#unanswered = true;
      }
      this.#ended();
    });
  }

  /** Compares own records from number `from` on, up to `lastId` ('' = all), with another's; the number of the next one. */
  #merge(from: number, to: number, entries: readonly ListedRecord[], lastId: RecordId): number {
    const { records } = this.#own;
    let i = from;
    for (const entry of entries) {
      for (let own = records[i]; own !== undefined && i < to && own.id < entry.id; own = records[++i]) {
        this.#differ(own.id, own);
      }
      const own = records[i];
      if (own === undefined || i >= to || own.id !== entry.id) {
        this.#differ(entry.id, null, entry);
        continue;
      }
      if (own.glance !== null && sameBallot(own.glance.accepted, entry.accepted)) this.#agree(i, i + 1);
      else this.#differ(own.id, own, entry);
      i++;
    }
    for (let own = records[i]; own !== undefined && i < to && (lastId === '' || own.id <= lastId); own = records[++i]) {
      this.#differ(own.id, own);
    }
    return i;
  }

  #differ(id: RecordId, own: OwnRecord | null, entry?: ListedRecord): void {
    let differing = this.#differing.get(id);
    if (differing === undefined) {
      differing = { id, own, highest: null, isOwn: false, namespace: -1 };
      this.#differing.set(id, differing);
      if (own?.glance) {
        differing.highest = own.glance.accepted;
        differing.isOwn = true;
        differing.namespace = own.glance.namespace;
      }
    }
    // Without its state it is corrupt there, and its ballot says nothing.
    if (entry === undefined || entry.state === null) return;
    differing.namespace = entry.state.header.namespace;
    if (differing.highest !== null && compareBallots(entry.accepted, differing.highest) <= 0) return;
    differing.highest = entry.accepted;
    differing.isOwn = false;
  }

  #ended(): void {
    this.#open--;
    if (this.#open > 0) return;
    if (this.#unanswered) this.#tools.counts.unanswered++;
    this.#open = 1;
    const batch: ManyRepairItem[] = [];
    this.#repair(batch);
    this.#open += settleLeft(this.#tools, this.#shard, this.#own.records, () => this.#finished());
    this.#kill(batch);
    this.#write(batch);
    this.#purge();
    this.#finished();
  }

  #repair(batch: ManyRepairItem[]): void {
    const { counts, server } = this.#tools;
    const { rules, clock } = server.parts;
    const nowUs = clock.wallUs();
    for (const { id, own, highest, isOwn, namespace } of this.#differing.values()) {
      if (highest !== null && !rules.isSettled(highest.time, nowUs)) continue;
      const address = this.#addressOf(id, namespace);
      if (address === null) continue;
      counts.differing++;
      const item = isOwn && own !== null ? itemOf(address, own, false) : null;
      if (item !== null) {
        batch.push(item);
        continue;
      }
      this.#repairAlone(address);
    }
  }

  #repairAlone(address: RecordAddress): void {
    const { counts, repairer } = this.#tools;
    this.#open++;
    repairer.repair(address, WRITE_BACK, (outcome) => {
      if (outcome === 'written') counts.repaired++;
      this.#finished();
    });
  }

  #kill(batch: ManyRepairItem[]): void {
    const { clock, rules } = this.#tools.server.parts;
    const nowMs = clock.wallMs();
    for (const own of this.#own.records) {
      const { glance } = own;
      if (glance === null || glance.kind !== StateKind.live || glance.expiresAtMs === 0) continue;
      if (!rules.isExpired(glance, nowMs) || this.#differing.has(own.id)) continue;
      const address = this.#addressOf(own.id, glance.namespace);
      const item = address === null ? null : itemOf(address, own, true);
      if (item === null) continue;
      batch.push(item);
      this.#due++;
    }
  }

  /** In a moving shard one by one: there the zone's two nodes must be counted together. */
  #write(items: readonly ManyRepairItem[]): void {
    const { counts, repairer, nodeId } = this.#tools;
    const noteWritten = ({ kill }: ManyRepairItem): void => {
      if (kill) counts.killed++;
      else counts.repaired++;
    };
    if (repairer.isMoving(this.#shard)) {
      for (const item of items) {
        this.#open++;
        repairer.repair(item.address, item.kill ? KILL_EXPIRED : WRITE_BACK, (outcome) => {
          if (outcome === 'written') noteWritten(item);
          this.#finished();
        });
      }
      return;
    }
    const replicas = [nodeId, ...this.#others];
    for (let from = 0; from < items.length; from += limits.expressItems) {
      const part = items.slice(from, from + limits.expressItems);
      const losses = repairer.lossesOf(replicas);
      this.#open++;
      repairMany(repairer, part, (repaired) => {
        const { acks, quorum } = repaired;
        if (repairer.lossesOf(replicas) === losses) this.#noteTombstones(part, repaired, losses);
        for (const [i, item] of part.entries()) {
          if ((acks[i] ?? 0) >= quorum) noteWritten(item);
          // One of the replicas asked may be what is in the way; whole rounds ask others.
          else if (!item.kill) this.#repairAlone(item.address);
        }
        this.#finished();
      });
    }
  }

  /** So that they need not be read again when they are old enough. */
  #noteTombstones(items: readonly ManyRepairItem[], { ballot, acks, replicas }: ManyRepaired, losses: number): void {
    const { purges, server } = this.#tools;
    for (const [i, { address, state, kill }] of items.entries()) {
      const isDead = kill || state.header.kind === StateKind.dead;
      // One that remembers requests is to be kept for longer.
      if (!isDead || (!kill && state.header.expiresAtMs !== 0)) continue;
      const acked = acks[i] ?? 0;
      if (acked === 0 || !server.parts.rules.allAgree(acked - 1, replicas - 1)) continue;
      purges.note(this.#shard, this.#epoch, losses, address.id, ballot);
    }
  }

  #purge(): void {
    const { server, repairer, counts, purges } = this.#tools;
    const { rules, clock } = server.parts;
    // What the queue is about to purge it need not do, too.
    const queueMs = purges.has(this.#shard) ? limits.purgeGraceMs + 2 * limits.purgeRoundMs : 0;
    const purgeAfterMs = server.parts.purgeAfterMs + queueMs;
    if (repairer.isMoving(this.#shard) && !rules.purgesWhileMoving()) return;
    const nowUs = clock.wallUs();
    const records: AcceptedRecord[] = [];
    for (const [i, { id, glance }] of this.#own.records.entries()) {
      if (glance === null || !rules.allAgree(this.#agreeing[i] ?? 0, this.#others.length)) continue;
      if (rules.isPurgeable(glance, nowUs, purgeAfterMs)) records.push({ id, accepted: glance.accepted });
      else if (glance.kind === StateKind.dead && queueMs === 0) this.#waiting++;
    }
    if (records.length === 0) return;
    this.#due += records.length;
    const request = { type: MessageType.purge, shard: this.#shard, shardEpoch: this.#epoch, records } as const;
    for (const node of [this.#tools.nodeId, ...this.#others]) {
      this.#open++;
      repairer.caller.call(node, request, limits.sweepTimeoutMs, (response) => {
        if (response.type === MessageType.purged && node === this.#tools.nodeId) counts.purged += response.purged;
        this.#finished();
      });
    }
  }

  #finished(): void {
    this.#open--;
    assert(this.#open >= 0, 'a step ends once');
    if (this.#open > 0) return;
    const { lastId, exhausted, bytes, records } = this.#own;
    const differing = this.#differing.size;
    this.#done({
      lastId,
      exhausted,
      bytes,
      records: records.length,
      due: this.#due,
      waiting: this.#waiting,
      differing,
    });
  }

  /** Null if nobody could tell the namespace, or the map does not have it. */
  #addressOf(id: RecordId, namespace: number): RecordAddress | null {
    const namespaceEpoch = namespaceEpochOf(this.#tools.server.parts.map.current, namespace);
    if (namespaceEpoch === undefined) return null;
    return { id, shard: this.#shard, shardEpoch: this.#epoch, namespace, namespaceEpoch };
  }
}

/** Null: its pages, or a transaction's intent, must be looked after, or it is damaged. A dead one needs no pages, nor does one that is to die. */
function itemOf(address: RecordAddress, own: OwnRecord, kill: boolean): ManyRepairItem | null {
  const stored = decodeStored(own.value);
  if (stored === null || stored.state.intent !== undefined || (stored.state.header.paged && !kill)) return null;
  return { address, accepted: stored.accepted, state: stored.state, kill };
}
