import { assert } from '../base/assert.ts';
import type { Failure } from '../base/failure.ts';
import { limits } from '../base/limits.ts';
import type { Operation, Outcome, Step } from '../quorum/operation.ts';
import { BulkItems, BulkPieces, MapReply, PushReply, type Reply, SetReply, VerbatimReply } from '../resp/reply.ts';
import type { KeyedStep, MultiStep } from './command.ts';
import type { CommandEntry } from './command-table.ts';
import { failureReply, partialFailureReply } from './failure-reply.ts';
import type { ReplyPlace } from './reply-queue.ts';
import type { CommandTrace } from './tracing/command-tracer.ts';

/** Who waits for a command: the connection. */
export interface CommandOwner {
  /** The command has its reply. May be called while the command is being submitted. */
  settled(command: PendingCommand): void;
}

const NO_KEY = Buffer.alloc(0);
const NO_ARGUMENTS: readonly Buffer[] = [];
const NO_STEP: Step<Reply> = {
  access: 'read',
  needs: 'meta',
  run: () => ({ reply: null, change: null }),
};
/** What a short reply is counted as: its line ends, and what it costs to hold it. */
const SMALL_REPLY_BYTES = 16;

/**
 * One command between its parsing and the writing of its reply: a place in the connection's reply order, and for a
 * command over one key also the operation itself, so that the data path makes one object per command.
 */
export class PendingCommand implements Operation<Reply>, ReplyPlace {
  readonly owner: CommandOwner;
  readonly entry: CommandEntry;
  /** Let go of once counted: the reply may have to wait for its turn. */
  args: readonly Buffer[];
  readonly argumentBytes: number;
  readonly startedMs: number;
  namespace = 0;
  key: Buffer = NO_KEY;
  step: Step<Reply> = NO_STEP;
  readonly protocol: 2 | 3;
  readonly silent: boolean;
  /** A later command must not start before this one is settled. */
  readonly barrier: boolean;
  /** Set where the command is one of those that are traced. */
  trace: CommandTrace | null = null;
  /** Undefined until settled. */
  reply: Reply | undefined = undefined;
  /** About how much the reply holds; 0 until settled. */
  replyBytes = 0;
  /** Of those that are settled and not counted, the one after this. */
  nextSettled: PendingCommand | null = null;

  constructor(
    owner: CommandOwner,
    entry: CommandEntry,
    args: readonly Buffer[],
    argumentBytes: number,
    startedMs: number,
    protocol: 2 | 3,
    silent: boolean,
    barrier: boolean,
  ) {
    this.owner = owner;
    this.entry = entry;
    this.args = args;
    this.argumentBytes = argumentBytes;
    this.startedMs = startedMs;
    this.protocol = protocol;
    this.silent = silent;
    this.barrier = barrier;
  }

  get isSettled(): boolean {
    return this.reply !== undefined;
  }

  /** Counted: drops what only that needed; returns `nextSettled`. */
  letGo(): PendingCommand | null {
    const next = this.nextSettled;
    this.nextSettled = null;
    this.args = NO_ARGUMENTS;
    return next;
  }

  done(outcome: Outcome<Reply>): void {
    this.settle(outcome.ok ? outcome.reply : failureReply(outcome.failure));
  }

  settle(reply: Reply): void {
    assert(this.reply === undefined, 'a command is answered once');
    this.reply = reply;
    this.replyBytes = this.silent ? 0 : replySize(reply);
    if (this.trace !== null) this.trace.end(reply);
    this.owner.settled(this);
  }
}

/** A command over several keys: collects the parts' replies and settles the command when the last one is there. */
export class MultiPartCommand {
  readonly command: PendingCommand;
  readonly #multi: MultiStep;
  readonly #replies: Reply[];
  readonly #writes: boolean;
  #missing: number;
  #submitted = 0;
  #isSubmitting = false;
  #submit: (index: number, step: KeyedStep) => void = () => {};
  #failed = 0;
  #failure: Failure | null = null;

  constructor(command: PendingCommand, multi: MultiStep, writes: boolean) {
    this.command = command;
    this.#multi = multi;
    this.#writes = writes;
    this.#missing = multi.steps.length;
    this.#replies = new Array<Reply>(multi.steps.length).fill(null);
  }

  /**
   * Submits the parts in order, limits.keysInFlight at a time: each has the whole deadline from when its turn comes, however
   * many there are. A command with more keys than that is a barrier, so that none after it overtakes its last keys.
   */
  start(cluster: { submit(operation: Operation<Reply>): void }, namespace: number): void {
    this.#submit = (index, step) => cluster.submit(new PartOperation(this, namespace, step, index));
    this.#submitMore();
  }

  partDone(index: number, outcome: Outcome<Reply>): void {
    if (outcome.ok) this.#replies[index] = outcome.reply;
    else this.#partFailed(outcome.failure);
    this.#missing -= 1;
    if (this.#missing === 0) this.#settle();
    else if (!this.#isSubmitting) this.#submitMore();
  }

  /** Parts may be done before `submit` returns: a loop, not a recursion. */
  #submitMore(): void {
    const { steps } = this.#multi;
    this.#isSubmitting = true;
    while (this.#submitted < steps.length) {
      const done = steps.length - this.#missing;
      if (this.#submitted - done >= limits.keysInFlight) break;
      const index = this.#submitted++;
      const step = steps[index];
      if (step !== undefined) this.#submit(index, step);
    }
    this.#isSubmitting = false;
  }

  /** An uncertain part makes the whole uncertain; else the first failure tells. */
  #partFailed(failure: Failure): void {
    this.#failed += 1;
    if (this.#failure === null || (failure.kind === 'uncertain' && this.#failure.kind !== 'uncertain')) {
      this.#failure = failure;
    }
  }

  #settle(): void {
    const total = this.#replies.length;
    if (this.#failure !== null) {
      this.command.settle(partialFailureReply(this.#failure, this.#writes, total - this.#failed, total));
    } else {
      this.command.settle(this.#multi.combine(this.#replies));
    }
  }
}

class PartOperation implements Operation<Reply> {
  readonly namespace: number;
  readonly key: Buffer;
  readonly step: Step<Reply>;
  readonly #whole: MultiPartCommand;
  readonly #index: number;
  #isDone = false;

  constructor(whole: MultiPartCommand, namespace: number, keyed: KeyedStep, index: number) {
    this.namespace = namespace;
    this.key = keyed.key;
    this.step = keyed.step;
    this.#whole = whole;
    this.#index = index;
  }

  done(outcome: Outcome<Reply>): void {
    assert(!this.#isDone, 'an operation is answered once');
    this.#isDone = true;
    this.#whole.partDone(this.#index, outcome);
  }
}

/** Roughly the bytes that a reply holds: exact for what is large. */
export function replySize(reply: Reply): number {
  if (reply instanceof Buffer) return reply.length + SMALL_REPLY_BYTES;
  if (typeof reply === 'string') return reply.length + SMALL_REPLY_BYTES;
  if (reply instanceof BulkPieces || reply instanceof BulkItems) return reply.lengthBytes + SMALL_REPLY_BYTES;
  if (reply instanceof VerbatimReply) return reply.text.length + SMALL_REPLY_BYTES;
  if (reply instanceof SetReply || reply instanceof PushReply) return replySize(reply.items);
  if (reply instanceof MapReply) return replySize(reply.entries.flat());
  if (Array.isArray(reply)) {
    let bytes = SMALL_REPLY_BYTES;
    for (const item of reply) bytes += replySize(item);
    return bytes;
  }
  return SMALL_REPLY_BYTES;
}

/** Argument bytes of a request. */
export function requestSize(args: readonly Buffer[]): number {
  let bytes = 0;
  for (let i = 0; i < args.length; i++) bytes += args[i]?.length ?? 0;
  return bytes;
}
