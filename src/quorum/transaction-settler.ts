import { ChurningMap } from '../base/churning-map.ts';
import { limits } from '../base/limits.ts';
import type { Intent, RecordId, RecordPlace } from '../record/state.ts';
import { NO_NAMESPACE } from '../record/state.ts';
import type { Decision, TransactionOutcome } from '../record/transaction-record.ts';
import type { RecordAddress } from '../rpc/messages.ts';
import { namespaceEpochOf } from '../rpc/namespace-epoch.ts';
import { DecideTransaction, FORGET_TRANSACTION, resolveIntent } from './record-change.ts';
import type { RepairLink, RepairOwner } from './repair.ts';
import type { RepairQueue } from './repair-queue.ts';

/** What is known of a transaction by whoever met it. */
export type KnownTransaction = Pick<Intent, 'transaction' | 'shard' | 'records'>;

/** Called once; false: not now, try again later. */
export type Settled = (ok: boolean) => void;

interface Settling {
  readonly known: KnownTransaction;
  /** By record: who waits for it to be resolved. */
  readonly waiting: Map<RecordId, Settled[]>;
  readonly places: Map<RecordId, RecordPlace>;
  outcome: TransactionOutcome | null;
  /** Where the writes that clear up may start, by record. */
  readonly links: ReadonlyMap<RecordId, RepairLink>;
}

const NO_LINKS: ReadonlyMap<RecordId, RepairLink> = new Map();

/**
 * Ends transactions (protocol §9.3-5): sees to it that T has a value, aborting it where it has none, resolves all of its records by
 * chosen writes, and forgets T. Whatever fails is left for the next who meets it, and for the sweep.
 */
export class TransactionSettler {
  readonly #owner: RepairOwner;
  readonly #repairs: RepairQueue;
  readonly #open = new ChurningMap<RecordId, Settling>();

  constructor(owner: RepairOwner, repairs: RepairQueue) {
    this.#owner = owner;
    this.#repairs = repairs;
  }

  /** Transactions that are being ended. */
  get pending(): number {
    return this.#open.size;
  }

  /** The address of a record under the current map; null if it was flushed meanwhile: then it goes by itself. */
  addressOf(place: RecordPlace): RecordAddress | null {
    const { id, shard, namespace, generation } = place;
    const map = this.#owner.map.current;
    if (namespace !== NO_NAMESPACE && map.namespaces[namespace]?.generation !== generation) return null;
    const namespaceEpoch = namespaceEpochOf(map, namespace) ?? 0;
    return { id, shard, shardEpoch: map.shardEpochs[shard] ?? 0, namespace, namespaceEpoch };
  }

  transactionAddress(transaction: RecordId, shard: number): RecordAddress {
    const shardEpoch = this.#owner.map.current.shardEpochs[shard] ?? 0;
    return { id: transaction, shard, shardEpoch, namespace: NO_NAMESPACE, namespaceEpoch: 0 };
  }

  /** Ends a transaction that was met; `done` when the record at `place` is resolved. */
  settle(known: KnownTransaction, place: RecordPlace | null, done: Settled): void {
    let settling = this.#open.get(known.transaction);
    if (settling === undefined) {
      if (this.#open.size >= limits.transactionsSettling) {
        done(false);
        return;
      }
      settling = this.#begin(known, null, NO_LINKS);
      this.#wait(settling, place, done);
      this.#decide(settling);
    } else {
      this.#wait(settling, place, done);
    }
  }

  /**
   * Ends a transaction whose outcome is chosen; `done` when all of it is resolved and forgotten. `links`: of those that its coordinator
   * has just written, T among them.
   */
  finish(known: KnownTransaction, outcome: TransactionOutcome, done: Settled, links = NO_LINKS): void {
    const open = this.#open.get(known.transaction);
    if (open !== undefined) {
      this.#wait(open, null, done);
      return;
    }
    const settling = this.#begin(known, outcome, links);
    this.#wait(settling, null, done);
    this.#resolve(settling, outcome);
  }

  /** Gets a value of T chosen, whichever, `otherwise` where it has none: null if that cannot be had now. `wasAbsent`: it had none. */
  decide(
    known: KnownTransaction,
    done: (decision: Decision | null, wasAbsent: boolean) => void,
    otherwise: TransactionOutcome = 'aborted',
  ): void {
    const change = new DecideTransaction(known.records, otherwise);
    this.#repairs.run(this.transactionAddress(known.transaction, known.shard), change, (outcome) => {
      const decision = outcome === 'failed' ? null : change.decision;
      if (decision?.outcome === 'aborted' && change.wasAbsent) this.#owner.counters.add('transaction-decided-aborted');
      done(decision, change.wasAbsent);
    });
  }

  #begin(
    known: KnownTransaction,
    outcome: TransactionOutcome | null,
    links: ReadonlyMap<RecordId, RepairLink>,
  ): Settling {
    const places = new Map<RecordId, RecordPlace>();
    for (const place of known.records) places.set(place.id, place);
    const settling = { known, waiting: new Map(), places, outcome, links };
    this.#open.set(known.transaction, settling);
    return settling;
  }

  #wait(settling: Settling, place: RecordPlace | null, done: Settled): void {
    const id = place?.id ?? '';
    const waiting = settling.waiting.get(id);
    if (waiting === undefined) settling.waiting.set(id, [done]);
    else waiting.push(done);
    if (place === null || settling.places.has(place.id)) return;
    settling.places.set(place.id, place);
    // It came after the others were begun.
    if (settling.outcome !== null) this.#resolveOne(settling, place, settling.outcome, () => {});
  }

  #decide(settling: Settling): void {
    this.decide(settling.known, (decision) => {
      if (decision === null) {
        this.#end(settling, false);
        return;
      }
      for (const place of decision.records) settling.places.set(place.id, place);
      this.#resolve(settling, decision.outcome);
    });
  }

  #resolve(settling: Settling, outcome: TransactionOutcome): void {
    settling.outcome = outcome;
    let open = settling.places.size;
    let allResolved = true;
    const ended = (ok: boolean): void => {
      open--;
      if (!ok) allResolved = false;
      if (open === 0) this.#forget(settling, allResolved);
    };
    if (open === 0) this.#forget(settling, true);
    for (const place of [...settling.places.values()]) this.#resolveOne(settling, place, outcome, ended);
  }

  #resolveOne(settling: Settling, place: RecordPlace, outcome: TransactionOutcome, ended: Settled): void {
    const address = this.addressOf(place);
    const end = (ok: boolean): void => {
      this.#tell(settling, place.id, ok);
      ended(ok);
    };
    if (address === null) {
      end(true);
      return;
    }
    const change = resolveIntent(settling.known.transaction, outcome);
    const link = settling.links.get(place.id) ?? null;
    this.#repairs.run(address, change, (repaired) => end(repaired !== 'failed'), link);
  }

  #forget(settling: Settling, allResolved: boolean): void {
    if (!allResolved && !this.#owner.rounds.rules.forgetsUnresolved()) {
      this.#end(settling, false);
      return;
    }
    const { transaction, shard } = settling.known;
    const link = settling.links.get(transaction) ?? null;
    const forgotten = (): void => {
      if (allResolved) this.#owner.counters.add('transaction-resolved');
      this.#end(settling, allResolved);
    };
    this.#repairs.run(this.transactionAddress(transaction, shard), FORGET_TRANSACTION, forgotten, link);
  }

  #end(settling: Settling, ok: boolean): void {
    this.#open.delete(settling.known.transaction);
    for (const id of [...settling.waiting.keys()]) this.#tell(settling, id, ok);
  }

  #tell(settling: Settling, id: RecordId, ok: boolean): void {
    const waiting = settling.waiting.get(id);
    if (waiting === undefined) return;
    settling.waiting.delete(id);
    for (const done of waiting) done(ok);
  }
}
