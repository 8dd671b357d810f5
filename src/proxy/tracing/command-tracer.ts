import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import type { Random } from '../../base/random.ts';
import type { ClusterMap } from '../../cluster/map.ts';
import { DATABASES_PER_GROUP, groupOf } from '../../cluster/namespace-groups.ts';
import type { TransactionKey } from '../../quorum/transaction.ts';
import type { RecordId } from '../../record/state.ts';
import { ErrorReply, type Reply } from '../../resp/reply.ts';
import type { NodeId } from '../../rpc/transport.ts';
import type { TracedCall, TracedPhase, TraceSink } from './finished-trace.ts';
import { phaseOf } from './message-words.ts';

/** What the tracer needs of a command; PendingCommand has it. */
export interface TracedCommand {
  readonly entry: { readonly row: { readonly name: string }; readonly writes: boolean };
  readonly namespace: number;
  readonly startedMs: number;
}

export interface TracerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly sink: TraceSink;
  /** Of how many commands one is traced, on the average; at least 1. */
  readonly every: number;
  readonly map: () => ClusterMap;
  /** Of a key under the current map. */
  readonly recordIdOf: (namespace: number, key: Buffer) => RecordId;
}

/** A record of a traced command, while it runs. */
export interface WatchedRecord {
  readonly trace: CommandTrace;
  readonly index: number;
}

/**
 * Chooses commands to be traced, and knows which records they work on, so that the requests to storage nodes about these can
 * be told (traced-transport.ts). Traces begin here: RESP has no place for a trace context from the client.
 */
export class CommandTracer {
  readonly options: TracerOptions;
  readonly #watched = new Map<RecordId, WatchedRecord[]>();
  readonly #attached = new WeakMap<object, CommandTrace>();
  #left: number;
  #open = 0;
  /** Commands that were traced since the start. */
  traced = 0;

  constructor(options: TracerOptions) {
    this.options = options;
    this.#left = this.#gap();
  }

  /** Null for most: all that such a command costs is the counting. */
  sample(command: TracedCommand): CommandTrace | null {
    this.#left -= 1;
    if (this.#left > 0) return null;
    this.#left = this.#gap();
    if (this.#open >= limits.tracesOpen) return null;
    this.#open += 1;
    this.traced += 1;
    return new CommandTrace(this, command);
  }

  /** Some records are watched at all. */
  get isWatching(): boolean {
    return this.#watched.size > 0;
  }

  /** Who watches this record; most have nobody. */
  watchersOf(id: RecordId): readonly WatchedRecord[] | undefined {
    return this.#watched.get(id);
  }

  /** For CommandTrace. */
  watch(id: RecordId, watcher: WatchedRecord): void {
    const watchers = this.#watched.get(id);
    if (watchers === undefined) this.#watched.set(id, [watcher]);
    else watchers.push(watcher);
  }

  /** The command of a connection that is alone on it until it is answered, such as EXEC: what it comes to do is the trace's. */
  attach(session: object, trace: CommandTrace): void {
    this.#attached.set(session, trace);
  }

  /** Of the connection's latest such command, which may be over. */
  attached(session: object): CommandTrace | null {
    return this.#attached.get(session) ?? null;
  }

  /** For CommandTrace: it is over. */
  close(trace: CommandTrace, ids: readonly RecordId[]): void {
    this.#open -= 1;
    for (const id of ids) {
      const others = this.#watched.get(id)?.filter((watcher) => watcher.trace !== trace) ?? [];
      if (others.length === 0) this.#watched.delete(id);
      else this.#watched.set(id, others);
    }
  }

  /** Random about its mean: clients that send the same commands in turns are not always met at the same one. */
  #gap(): number {
    const { every, random } = this.options;
    return 1 + Math.floor(random.unit() * (2 * every - 1));
  }
}

/** In the place of a record's index: the transaction's own record. */
const TRANSACTION = -1;

/** One traced command, from its dispatch to its reply. */
export class CommandTrace {
  readonly #tracer: CommandTracer;
  readonly #command: TracedCommand;
  readonly #startedAtMs: number;
  readonly #ids: RecordId[] = [];
  readonly #phases: TracedPhase[] = [];
  /** The latest of each record. */
  readonly #current = new Map<number, TracedPhase>();
  #writes: boolean;
  #records = 0;
  #calls = 0;
  #callsLeftOut = 0;
  #isOver = false;

  constructor(tracer: CommandTracer, command: TracedCommand) {
    this.#tracer = tracer;
    this.#command = command;
    this.#writes = command.entry.writes;
    const { clock } = tracer.options;
    this.#startedAtMs = clock.wallUs() / 1_000 - (clock.monotonicMs() - command.startedMs);
  }

  /** The command works on this key; after it is over that is of no interest. */
  watch(key: Buffer, namespace = this.#command.namespace): void {
    if (this.#isOver) return;
    const index = this.#records++;
    if (index < limits.traceRecords) this.#watch(this.#tracer.options.recordIdOf(namespace, key), index);
  }

  /** The command works on the records of a transaction. */
  watchAll(keys: readonly TransactionKey[], access: 'read' | 'write'): void {
    this.#writes ||= access === 'write';
    for (const { key, namespace } of keys) this.watch(key, namespace);
  }

  /** The record on which a transaction of the command is decided. */
  watchTransaction(id: RecordId): void {
    if (this.#ids.length < 2 * limits.traceRecords && !this.#ids.includes(id)) this.#watch(id, TRANSACTION);
  }

  /** A request about one of the records leaves; null if that is not kept. `isIntent`: it says that a transaction is under way. */
  onSent(index: number, nodeId: NodeId, request: string, records: number, isIntent: boolean): TracedCall | null {
    if (this.#calls >= limits.traceCalls) {
      this.#callsLeftOut += 1;
      return null;
    }
    this.#calls += 1;
    const sentMs = this.#tracer.options.clock.monotonicMs();
    const call: TracedCall = { nodeId, request, records, sentMs, answeredMs: null, response: '' };
    const phase = phaseOf(request, this.#writes, index === TRANSACTION, isIntent);
    this.#phase(index, phase, sentMs).calls.push(call);
    return call;
  }

  onAnswered(call: TracedCall, response: string): void {
    if (this.#isOver) return;
    call.answeredMs = this.#tracer.options.clock.monotonicMs();
    call.response = response;
  }

  /** The command has its reply. */
  end(reply: Reply): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#tracer.close(this, this.#ids);
    const { clock, sink, map } = this.#tracer.options;
    const endMs = clock.monotonicMs();
    for (const phase of this.#current.values()) phase.endMs = endMs;
    const { entry, namespace, startedMs } = this.#command;
    sink.take({
      command: entry.row.name,
      namespace: map().namespaceGroups[groupOf(namespace)]?.name ?? '',
      database: namespace % DATABASES_PER_GROUP,
      startMs: startedMs,
      endMs,
      startedAtMs: this.#startedAtMs,
      outcome: outcomeOf(reply),
      records: this.#records,
      phases: this.#phases,
      callsLeftOut: this.#callsLeftOut,
    });
  }

  #watch(id: RecordId, index: number): void {
    this.#ids.push(id);
    this.#tracer.watch(id, { trace: this, index });
  }

  /** The record's phase of this name; another one ends where it begins. */
  #phase(record: number, name: string, nowMs: number): TracedPhase {
    const current = this.#current.get(record);
    if (current?.name === name) return current;
    if (current !== undefined) current.endMs = nowMs;
    const phase: TracedPhase = { name, record, startMs: nowMs, endMs: nowMs, calls: [] };
    this.#current.set(record, phase);
    this.#phases.push(phase);
    return phase;
  }
}

/** Error texts may hold what a client sent; their first word is one of a few. */
function outcomeOf(reply: Reply): string {
  if (!(reply instanceof ErrorReply)) return 'ok';
  return /^[A-Z]{1,20}(?= |$)/.exec(reply.text)?.[0] ?? 'ERR';
}
