import { busy } from '../base/failure.ts';
import { limits } from '../base/limits.ts';
import { numberInGroup } from '../cluster/namespace-groups.ts';
import type { Outcome, Step } from '../quorum/operation.ts';
import type { TransactionKey, TransactionView } from '../quorum/transaction.ts';
import type { LiveRecord, RecordPast } from '../record/state.ts';
import { NeedPages, type PageAccess } from '../record/value.ts';
import { ErrorReply, type Reply } from '../resp/reply.ts';
import type { ClusterPort } from './cluster-port.ts';
import type { AtomicStep, KeysView } from './command.ts';
import { LimitReply, type NamespaceGate } from './namespace-gate.ts';
import type { Session } from './session.ts';

/** More keys than one transaction may have. */
export const TOO_MANY_KEYS = new ErrorReply(
  `ERR too many keys: at most ${limits.transactionRecords} can be read or changed at once`,
);

/** How often a plan may find that it needs more keys. */
const MOST_TRIES = 10;

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

  /** The place of a key that is part of it. */
  placeIfThere(namespace: number, key: Buffer): number | undefined {
    return this.#places.get(nameOf(namespace, key));
  }

  /** The key's place among the records. */
  place(namespace: number, key: Buffer): number {
    const name = nameOf(namespace, key);
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
    const namespace = numberInGroup(session.namespaceGroup, session.database);
    return (view) => {
      if (gate === null) return step.run(new PlacedKeys(view, this, namespace, [...places]));
      const restore = view.save();
      try {
        return step.run(new LimitedKeys(view, this, namespace, [...places], step, gate));
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        restore();
        return error.reply;
      }
    };
  }
}

/** Runs a plan; more keys are taken into it as `run` finds that it needs them. `done` is called exactly once. */
export function runPlan(
  cluster: ClusterPort,
  plan: TransactionPlan,
  run: TransactionPart,
  done: (outcome: Outcome<Reply>) => void,
  tries = 1,
): void {
  if (plan.isTooLarge) {
    done({ ok: true, reply: TOO_MANY_KEYS });
    return;
  }
  let lacking: readonly TransactionKey[] = [];
  const { keys, access, needs } = plan;
  cluster.transact({
    keys: [...keys],
    access,
    needs,
    run: (view) => {
      lacking = [];
      const restore = view.save();
      try {
        return run(view);
      } catch (error) {
        if (!(error instanceof NeedKeys)) throw error;
        lacking = error.keys;
        restore();
        return null;
      }
    },
    done: (outcome) => {
      if (!outcome.ok || lacking.length === 0) {
        done(outcome);
      } else if (tries >= MOST_TRIES) {
        done({ ok: false, failure: busy('the keys that the command needs change all the time; try again') });
      } else {
        for (const { namespace, key } of lacking) plan.place(namespace, key);
        runPlan(cluster, plan, run, done, tries + 1);
      }
    },
  });
}

function nameOf(namespace: number, key: Buffer): string {
  return `${namespace} ${key.toString('latin1')}`;
}

/** Control flow: records that are not part of the transaction yet. */
class NeedKeys extends Error {
  readonly keys: readonly TransactionKey[];

  constructor(keys: readonly TransactionKey[]) {
    super('keys must be taken into the transaction first');
    this.keys = keys;
  }
}

/** What is thrown to be called again with more. */
export function isControlFlow(error: unknown): boolean {
  return error instanceof NeedPages || error instanceof NeedKeys;
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
  readonly #plan: TransactionPlan;
  readonly #namespace: number;
  readonly #places: number[];

  /** `places` is its own. */
  constructor(view: TransactionView<Reply>, plan: TransactionPlan, namespace: number, places: number[]) {
    this.nowMs = view.nowMs;
    this.#view = view;
    this.#plan = plan;
    this.#namespace = namespace;
    this.#places = places;
  }

  others(keys: readonly Buffer[]): readonly number[] {
    const found: number[] = [];
    const lacking: TransactionKey[] = [];
    for (const key of keys) {
      const place = this.#plan.placeIfThere(this.#namespace, key);
      if (place === undefined) lacking.push({ namespace: this.#namespace, key });
      else found.push(this.#places.push(place) - 1);
    }
    if (lacking.length > 0) throw new NeedKeys(lacking);
    return found;
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

  constructor(
    view: TransactionView<Reply>,
    plan: TransactionPlan,
    namespace: number,
    places: number[],
    step: AtomicStep,
    gate: NamespaceGate,
  ) {
    super(view, plan, namespace, places);
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
