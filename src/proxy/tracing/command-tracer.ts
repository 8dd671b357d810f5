import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import type { Random } from '../../base/random.ts';
import type { ClusterMap } from '../../cluster/map.ts';
import { DATABASES_PER_GROUP, groupOf } from '../../cluster/namespace-groups.ts';
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

/** One traced command, from its dispatch to its reply. */
export class CommandTrace {
  readonly #tracer: CommandTracer;
  readonly #command: TracedCommand;
  readonly #startedAtMs: number;
  readonly #ids: RecordId[] = [];
  readonly #phases: TracedPhase[] = [];
  /** The latest of each record. */
  readonly #current: (TracedPhase | undefined)[] = [];
  #records = 0;
  #calls = 0;
  #callsLeftOut = 0;
  #isOver = false;

  constructor(tracer: CommandTracer, command: TracedCommand) {
    this.#tracer = tracer;
    this.#command = command;
    const { clock } = tracer.options;
    this.#startedAtMs = clock.wallUs() / 1_000 - (clock.monotonicMs() - command.startedMs);
  }

  /** The command works on this key. */
  watch(key: Buffer): void {
    const index = this.#records++;
    if (index >= limits.traceRecords) return;
    const id = this.#tracer.options.recordIdOf(this.#command.namespace, key);
    this.#ids.push(id);
    this.#tracer.watch(id, { trace: this, index });
  }

  /** A request about one of the records leaves; null if that is not kept. */
  onSent(index: number, nodeId: NodeId, request: string, records: number): TracedCall | null {
    if (this.#calls >= limits.traceCalls) {
      this.#callsLeftOut += 1;
      return null;
    }
    this.#calls += 1;
    const sentMs = this.#tracer.options.clock.monotonicMs();
    const call: TracedCall = { nodeId, request, records, sentMs, answeredMs: null, response: '' };
    this.#phase(index, phaseOf(request, this.#command.entry.writes), sentMs).calls.push(call);
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
    for (const phase of this.#current) if (phase !== undefined) phase.endMs = endMs;
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

  /** The record's phase of this name; another one ends where it begins. */
  #phase(record: number, name: string, nowMs: number): TracedPhase {
    const current = this.#current[record];
    if (current?.name === name) return current;
    if (current !== undefined) current.endMs = nowMs;
    const phase: TracedPhase = { name, record, startMs: nowMs, endMs: nowMs, calls: [] };
    this.#current[record] = phase;
    this.#phases.push(phase);
    return phase;
  }
}

/** Error texts may hold what a client sent; their first word is one of a few. */
function outcomeOf(reply: Reply): string {
  if (!(reply instanceof ErrorReply)) return 'ok';
  return /^[A-Z]{1,20}(?= |$)/.exec(reply.text)?.[0] ?? 'ERR';
}
