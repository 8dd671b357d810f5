import { limits } from '../base/limits.ts';
import { numberInGroup } from '../cluster/namespace-groups.ts';
import type { Step } from '../quorum/operation.ts';
import type { TransactionKey, TransactionView } from '../quorum/transaction.ts';
import type { LiveRecord, RecordPast } from '../record/state.ts';
import type { PageAccess } from '../record/value.ts';
import { ErrorReply, type Reply } from '../resp/reply.ts';
import type { AtomicStep, KeysView } from './command.ts';
import { LimitReply, type NamespaceGate } from './namespace-gate.ts';
import type { Session } from './session.ts';

/** More keys than one transaction may have. */
export const TOO_MANY_KEYS = new ErrorReply(
  `ERR too many keys: at most ${limits.transactionRecords} can be read or changed at once`,
);

/** One command's part of a transaction: runs it on the records, and gives its reply. */
export type TransactionPart = (view: TransactionView<Reply>) => Reply;

/** The keys of a transaction, each once, and how much of them is needed: filled command by command. */
export class TransactionPlan {
  readonly keys: TransactionKey[] = [];
  access: 'read' | 'write' = 'read';
  needs: 'meta' | 'value' = 'meta';
  readonly #places = new Map<string, number>();

  get isTooLarge(): boolean {
    return this.keys.length > limits.transactionRecords;
  }

  /** The key's place among the records. */
  place(namespace: number, key: Buffer): number {
    const name = `${namespace} ${key.toString('latin1')}`;
    const known = this.#places.get(name);
    if (known !== undefined) return known;
    const place = this.keys.length;
    this.#places.set(name, place);
    this.keys.push({ namespace, key });
    return place;
  }

  /** One command with this need and access. */
  widen({ access, needs }: Pick<AtomicStep, 'access' | 'needs'>): void {
    if (access === 'write') this.access = 'write';
    if (needs === 'value') this.needs = 'value';
  }

  /** A step on one key. */
  addStep(namespace: number, key: Buffer, step: Step<Reply>): TransactionPart {
    const place = this.place(namespace, key);
    this.widen(step);
    return (view) => view.apply(place, step);
  }

  /** A command over several keys at once. */
  addAtomic(
    session: Pick<Session, 'namespaceGroup' | 'database'>,
    step: AtomicStep,
    gate: NamespaceGate | null,
  ): TransactionPart {
    const places = step.keys.map(({ key, database }) =>
      this.place(numberInGroup(session.namespaceGroup, database ?? session.database), key),
    );
    this.widen(step);
    return (view) => {
      if (gate === null) return step.run(new PlacedKeys(view, places));
      const restore = view.save();
      try {
        return step.run(new LimitedKeys(view, places, step, gate));
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        restore();
        return error.reply;
      }
    };
  }
}

/** Control flow: a limit of the namespace refuses the whole command. */
class Refused extends Error {
  readonly reply: LimitReply;

  constructor(reply: LimitReply) {
    super(reply.text);
    this.reply = reply;
  }
}

/** A command's keys among those of a transaction. */
class PlacedKeys implements KeysView {
  readonly nowMs: number;
  readonly #view: TransactionView<Reply>;
  readonly #places: readonly number[];

  constructor(view: TransactionView<Reply>, places: readonly number[]) {
    this.nowMs = view.nowMs;
    this.#view = view;
    this.#places = places;
  }

  live(index: number): LiveRecord | null {
    return this.#view.live(this.#place(index));
  }

  past(index: number): RecordPast {
    return this.#view.past(this.#place(index));
  }

  pages(index: number): PageAccess {
    return this.#view.pages(this.#place(index));
  }

  apply(index: number, step: Step<Reply>): Reply {
    return this.#view.apply(this.#place(index), step);
  }

  #place(index: number): number {
    const place = this.#places[index];
    if (place === undefined) throw new RangeError('no such key in this command');
    return place;
  }
}

/** The same, held to the limits of records of a namespace. */
class LimitedKeys extends PlacedKeys {
  readonly #step: AtomicStep;
  readonly #gate: NamespaceGate;

  constructor(view: TransactionView<Reply>, places: readonly number[], step: AtomicStep, gate: NamespaceGate) {
    super(view, places);
    this.#step = step;
    this.#gate = gate;
  }

  override apply(index: number, step: Step<Reply>): Reply {
    const key = this.#step.keys[index]?.key;
    const reply = super.apply(index, key === undefined ? step : this.#gate.limitStep(key, step));
    if (reply instanceof LimitReply) throw new Refused(reply);
    return reply;
  }
}
