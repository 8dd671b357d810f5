import { type Ballot, NO_BALLOT } from '../record/ballot.ts';
import type { LiveRecord, RecordPast } from '../record/state.ts';
import type { PageAccess } from '../record/value.ts';
import { applyChange, isNoChange, pastAfterDelete } from './apply-change.ts';
import type { Change, Operation, RunContext, Step, StepResult } from './operation.ts';
import type { TransactionKey, TransactionOperation, TransactionView } from './transaction.ts';

/** A transaction with a single record is a plain operation (protocol §9): all of its commands are one step. */
export function singleOperation<R>(
  transaction: TransactionOperation<R>,
  { namespace, key }: TransactionKey,
): Operation<R> {
  const step: Step<R> = {
    access: transaction.access,
    needs: transaction.needs,
    run: (record, context) => {
      const view = new SingleView<R>(key, record, context);
      const reply = transaction.run(view);
      return { reply, change: view.change(record) };
    },
  };
  return { namespace, key, step, done: (outcome) => transaction.done(outcome) };
}

/** Equal to no ballot that was watched. */
const WRITTEN_JUST_NOW: Ballot = { time: -1, proposer: 0 };

class SingleView<R> implements TransactionView<R> {
  readonly nowMs: number;
  readonly #key: Buffer;
  readonly #context: RunContext;
  readonly #pages: PageAccess;
  #live: LiveRecord | null;
  #past: RecordPast;
  #changed = false;

  constructor(key: Buffer, record: LiveRecord | null, context: RunContext) {
    this.nowMs = context.nowMs;
    this.#key = key;
    this.#context = context;
    // Without the record's id: nothing of it is streamed.
    const { pages } = context;
    this.#pages = { read: (id) => pages.read(id), write: (bytes) => pages.write(bytes) };
    this.#live = record;
    this.#past = context.past;
  }

  live(): LiveRecord | null {
    return this.#live;
  }

  past(): RecordPast {
    return this.#past;
  }

  pages(): PageAccess {
    return this.#pages;
  }

  save(): () => void {
    const [live, past, changed] = [this.#live, this.#past, this.#changed];
    return () => {
      this.#live = live;
      this.#past = past;
      this.#changed = changed;
    };
  }

  origin(): Ballot {
    const { origin } = this.#context;
    return origin === null ? WRITTEN_JUST_NOW : (origin ?? NO_BALLOT);
  }

  apply(_index: number, step: Step<R>): R {
    const { nowMs } = this;
    const context = { nowMs, pages: this.#pages, past: this.#past };
    const { reply, change }: StepResult<R> = step.run(this.#live, context);
    if (change !== null && !isNoChange(this.#live, change)) {
      const previous = this.#live;
      this.#live = applyChange(previous, this.#past, this.#key, change, nowMs);
      this.#past = this.#live ?? pastAfterDelete(this.#past, change, nowMs);
      this.#changed = true;
    }
    return reply;
  }

  /** All changes as one. */
  change(found: LiveRecord | null): Change | null {
    if (!this.#changed) return null;
    const live = this.#live;
    if (live === null) return { kind: 'delete' };
    if (found !== null && live.value === found.value && live.recordVersion === found.recordVersion) {
      return { kind: 'expire', expiresAtMs: live.expiresAtMs };
    }
    const { recordVersion, creationTimeMs, lastModifiedMs, requests } = live;
    const restored = { recordVersion, creationTimeMs, lastModifiedMs, requests };
    return { kind: 'put', value: live.value, expiresAtMs: live.expiresAtMs, restored };
  }
}
