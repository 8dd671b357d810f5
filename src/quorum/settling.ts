import { type RecordAddress, Want } from '../rpc/messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import { startAfreshWhereHopeless } from './attempt.ts';
import { isRefused, type Pending } from './pending.ts';
import { type ReadOwner, type ReadResult, ReadRound } from './read-round.ts';
import type { TaskContext } from './task-context.ts';

/** A record under contention is seldom the same on Q nodes: so often it is read before the next PREPARE must tell. */
const READS = 3;

export interface SettlingOwner {
  onRetry(): void;
}

/**
 * After a refused COMMIT: reads at once what has become of it, before more values of others push it out of the lineage.
 *
 * Where Q nodes hold the same state under a ballot above all that an operation used, that state is chosen, and every later
 * value descends from it. So if it does not descend from the operation's writes, they can never take effect: the
 * operation starts afresh. If it does, the operation is answered. Anything else is left to the next PREPARE.
 */
export class Settling<R> implements ReadOwner {
  readonly #context: TaskContext<R>;
  readonly #owner: SettlingOwner;
  readonly #pendings: readonly Pending<R>[];
  readonly #address: RecordAddress;
  readonly #nodes: readonly NodeId[];
  #round: ReadRound | null = null;
  #readsLeft = READS;

  constructor(
    context: TaskContext<R>,
    owner: SettlingOwner,
    pendings: readonly Pending<R>[],
    address: RecordAddress,
    nodes: readonly NodeId[],
  ) {
    this.#context = context;
    this.#owner = owner;
    this.#pendings = pendings;
    this.#address = address;
    this.#nodes = nodes;
    this.#read();
  }

  onTick(nowMs: number): void {
    this.#round?.onTick(nowMs);
  }

  abandon(): void {
    this.#round?.abandon();
  }

  onRead(result: ReadResult): void {
    if (result.kind === 'unsettled' && this.#readsLeft > 0) {
      this.#read();
      return;
    }
    if (result.kind === 'agreed') this.#settle(result);
    this.#owner.onRetry();
  }

  #read(): void {
    this.#readsLeft--;
    this.#round = new ReadRound(this.#context.rounds, this.#nodes, this.#address, Want.meta, this);
    this.#round.begin(this.#context.clock.monotonicMs());
  }

  #settle({ accepted, state }: ReadResult & { kind: 'agreed' }): void {
    const { counters, rounds } = this.#context;
    const header = state?.header ?? null;
    startAfreshWhereHopeless(this.#pendings, accepted, header, this.#context);
    for (const pending of this.#pendings) {
      if (pending.finished || !isRefused(pending)) continue;
      const settled = rounds.rules.settle(pending.used, header, false);
      if (settled.kind !== 'applied') continue;
      counters.add('settled-applied');
      pending.reply(settled.reply);
    }
  }
}
