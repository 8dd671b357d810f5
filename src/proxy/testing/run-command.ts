import { assert } from '../../base/assert.ts';
import { ManualClock } from '../../base/testing/manual-clock.ts';
import type { Outcome } from '../../quorum/operation.ts';
import type { LiveRecord } from '../../record/state.ts';
import { BulkPieces, ErrorReply, MapReply, type Reply, SimpleString } from '../../resp/reply.ts';
import type { AtomicStep, CommandRow, KeyedStep } from '../command.ts';
import { runPlan, TransactionPlan } from '../transaction-plan.ts';
import { LocalCluster } from './local-cluster.ts';

/** A reply as tests like to compare it: `+text`, `-error`, bulk strings as latin1 text, maps as arrays of pairs. */
export type PlainReply = number | bigint | string | null | PlainReply[];

export function plain(reply: Reply): PlainReply {
  if (reply === null || typeof reply === 'number' || typeof reply === 'bigint' || typeof reply === 'string')
    return reply;
  if (Buffer.isBuffer(reply)) return reply.toString('latin1');
  if (reply instanceof SimpleString) return `+${reply.text}`;
  if (reply instanceof ErrorReply) return `-${reply.text}`;
  if (reply instanceof BulkPieces) return Buffer.concat(reply.pieces, reply.lengthBytes).toString('latin1');
  if (reply instanceof MapReply) return reply.entries.map(([key, value]) => [plain(key), plain(value)]);
  assert(Array.isArray(reply), 'a reply kind that these commands do not use');
  return reply.map(plain);
}

/** Runs commands over keys straight from their rows on a LocalCluster, without a session; arity is not checked. */
export class CommandRunner {
  readonly clock = new ManualClock();
  readonly cluster = new LocalCluster(this.clock);
  readonly #rows = new Map<string, CommandRow>();

  constructor(rows: readonly CommandRow[]) {
    for (const row of rows) {
      this.#rows.set(row.name, row);
      for (const child of row.subcommands ?? []) this.#rows.set(child.name, child);
    }
  }

  /** The whole reply of a command given as separate arguments; strings are latin1. */
  reply(...words: readonly (string | Buffer)[]): Reply {
    const args = words.map((word) => (Buffer.isBuffer(word) ? word : Buffer.from(word, 'latin1')));
    const [name = '', second = ''] = args.map((arg) => arg.toString('latin1', 0, 32).toLowerCase());
    const handler = (this.#rows.get(`${name}|${second}`) ?? this.#rows.get(name))?.handler;
    if (handler?.kind === 'record') {
      const parsed = handler.parse(args);
      return parsed instanceof ErrorReply ? parsed : this.#submit(parsed);
    }
    if (handler?.kind === 'atomic') {
      const parsed = handler.parse(args);
      return parsed instanceof ErrorReply ? parsed : this.#transact(parsed);
    }
    assert(handler?.kind === 'records', 'a command over keys');
    const parsed = handler.parse(args);
    if (parsed instanceof ErrorReply) return parsed;
    return parsed.combine(parsed.steps.map((step) => this.#submit(step)));
  }

  /** As `reply`, made plain. */
  run(...words: readonly (string | Buffer)[]): PlainReply {
    return plain(this.reply(...words));
  }

  /** A command line: words separated by single spaces. */
  line(line: string): PlainReply {
    return this.run(...line.split(' '));
  }

  record(key: string): LiveRecord | null {
    return this.cluster.record(0, Buffer.from(key, 'latin1'));
  }

  #transact(step: AtomicStep): Reply {
    const plan = new TransactionPlan();
    const run = plan.addAtomic({ namespaceGroup: 0, database: 0 }, step, null);
    let outcome: Outcome<Reply> | undefined;
    const done = (result: Outcome<Reply>): void => {
      outcome = result;
    };
    runPlan(this.cluster, plan, run, done);
    assert(outcome?.ok, 'the local cluster answers at once');
    return outcome.reply;
  }

  #submit({ key, step }: KeyedStep): Reply {
    let outcome: Outcome<Reply> | undefined;
    this.cluster.submit({
      namespace: 0,
      key,
      step,
      done: (result) => {
        outcome = result;
      },
    });
    assert(outcome?.ok, 'the local cluster answers at once');
    return outcome.reply;
  }
}
