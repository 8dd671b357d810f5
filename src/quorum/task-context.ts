import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { RecordId } from '../record/state.ts';
import type { RecordAddress } from '../rpc/messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import type { VisitContext } from './intent-visit.ts';
import type { Operation } from './operation.ts';
import type { PageTransfer } from './page-transfer.ts';
import type { Pending } from './pending.ts';
import type { ProtocolCounters } from './protocol-counters.ts';
import type { RecordTask } from './record-task.ts';
import type { RoundContext } from './round.ts';
import type { SealPort } from './seal-port.ts';

/** Names records: `namespace` is the number that they carry, which SWAPDB may have given to another database. */
export interface RecordIds {
  recordId(namespace: number, generation: number, key: Buffer): RecordId;
}

/** Where a record is, under one map. */
export interface Placement {
  readonly address: RecordAddress;
  readonly generation: number;
  /** Its database was swapped some time: transactions of before may still have their intents on its records. */
  readonly isSwapped: boolean;
  /** In the order in which they are asked; of a moving shard with the number of a pair. */
  readonly nodes: readonly NodeId[];
  /** The shard is moving. */
  readonly joint: boolean;
  readonly mapEpoch: number;
}

/** What the tasks of one coordinator share, and how they speak to it. */
export interface TaskContext<R> {
  readonly clock: Clock;
  readonly random: Random;
  readonly seal: SealPort;
  readonly rounds: RoundContext;
  readonly counters: ProtocolCounters;
  readonly pageTransfer: PageTransfer;
  /** For what transactions have left on records. */
  readonly visits: VisitContext;
  /** Epoch of the coordinator's current map. */
  readonly mapEpoch: number;
  place(operation: Operation<R>): Placement;
  onBusy(task: RecordTask<R>): void;
  onIdle(task: RecordTask<R>): void;
  /** The task's map is outdated; these operations are to be placed anew, in this order. */
  onMoved(task: RecordTask<R>, pendings: readonly Pending<R>[]): void;
  /** Q is impossible because this proposer's clock is far ahead. */
  onClockBroken(): void;
  /** Room for so many pages more in memory; false if there is none. */
  reservePages(count: number): boolean;
  releasePages(count: number): void;
}

/** What a proposal needs of the task that it works for. */
export interface ProposalOwner {
  readonly placement: Placement;
  /** Operations that wait for the next round. */
  readonly queued: number;
  /** False if the map has moved the record: nothing is left to be done here. */
  stillPlaced(): boolean;
  /** A replica's bytes are damaged: the record is to be written anew. */
  wantRepair(): void;
  onFinished(): void;
}

/** Something under way that looks at the time now and then, and can be given up. */
export interface Step {
  onTick(nowMs: number): void;
  abandon(): void;
}
