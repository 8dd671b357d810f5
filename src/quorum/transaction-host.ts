import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Ballot } from '../record/ballot.ts';
import type { RecordAddress } from '../rpc/messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import type { OpenedBase } from './attempt.ts';
import type { VisitContext } from './intent-visit.ts';
import type { Operation } from './operation.ts';
import type { PageTransfer } from './page-transfer.ts';
import type { ProtocolCounters } from './protocol-counters.ts';
import type { RoundContext } from './round.ts';
import type { SealPort } from './seal-port.ts';
import type { Placement } from './task-context.ts';
import type { TransactionKey } from './transaction.ts';
import type { TransactionSettler } from './transaction-settler.ts';

/** What transactions need of their coordinator. */
export interface TransactionHost<R> {
  readonly clock: Clock;
  readonly random: Random;
  readonly seal: SealPort;
  readonly rounds: RoundContext;
  readonly counters: ProtocolCounters;
  readonly pageTransfer: PageTransfer;
  readonly transactions: TransactionSettler;
  /** False: each of its records goes the long way. */
  readonly express: boolean;
  readonly visits: VisitContext;
  /** Where the record is under the current map. */
  place(key: TransactionKey): Placement;
  /** As many nodes as decide over the record are connected. */
  isInReach(key: TransactionKey): boolean;
  /** Whom to ask about a record, first those that are well. */
  nodesOf(address: RecordAddress): readonly NodeId[];
  /** Epoch of the current map. */
  readonly mapEpoch: number;
  /** The origin of what this proxy last saw a quorum agree on, under the current map; null if it does not remember. */
  knownOrigin(key: TransactionKey): Ballot | null;
  /** What this proxy last saw a quorum agree on, with all of its value, under the current map; null if it does not remember. */
  known(key: TransactionKey): OpenedBase | null;
  /** What is remembered of the record is not so any more. */
  forget(key: TransactionKey): void;
  /** A plain operation on one record; it waits for this proxy's transactions on that. */
  read(operation: Operation<R>): void;
  /** How many of those are under way. */
  reads: number;
  /** A plain operation on one record, past them. */
  submit(operation: Operation<R>): void;
  onClockBroken(): void;
  reservePages(count: number): boolean;
  releasePages(count: number): void;
}
