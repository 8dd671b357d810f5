import { assert, InvariantError } from '../base/assert.ts';
import type { Failure } from '../base/failure.ts';
import { limits } from '../base/limits.ts';
import type { Outcome } from '../quorum/operation.ts';
import { ErrorReply, NullArray, type Reply } from '../resp/reply.ts';
import { accountCall } from './accounting.ts';
import { ClusterFailure } from './cluster-port.ts';
import { checkAccess, exceptionReply, noteUse, runOnSession } from './dispatch.ts';
import { failureReply, INTERNAL_ERROR } from './failure-reply.ts';
import { replySize, requestSize } from './pending-command.ts';
import { namespaceNumber, type Session } from './session.ts';
import { isControlFlow, runPlan, type TransactionPart, TransactionPlan } from './transaction-plan.ts';
import type { QueuedCommand, WatchedKey } from './transaction-state.ts';
import { isWritten } from './watch.ts';

const NOTHING_DONE = new NullArray();
const TOO_MUCH_TO_SAY = new ErrorReply(
  `ERR the replies of the transaction are too large: at most ${limits.transactionReplyBytes} bytes. Nothing was changed`,
);
const NOT_RUN = new ErrorReply(
  'UNAVAILABLE not run: a command before it in the same EXEC found no quorum of storage nodes',
);

/** They choose the namespace and the user of those behind them. The other commands about the connection run after the records' own. */
const CHOOSING: ReadonlySet<string> = new Set(['auth', 'hello', 'select', 'juno.namespace']);

/** One queued command and its part of a transaction; `later`: it works on no records, and runs when those are written. */
interface SegmentPart {
  readonly command: QueuedCommand;
  readonly namespace: number;
  readonly part: TransactionPart | 'later';
}

/** Commands that run as one: those up to the next that works on no records, like FLUSHDB. */
interface Segment {
  readonly plan: TransactionPlan;
  readonly parts: SegmentPart[];
}

/** The replies of a segment's commands, or why none of them has happened, or has for certain. */
type SegmentResult =
  | { readonly kind: 'done'; readonly replies: readonly Reply[] }
  | { readonly kind: 'watched' }
  | { readonly kind: 'refused'; readonly error: ErrorReply }
  | { readonly kind: 'failed'; readonly failure: Failure };

/**
 * Runs what was queued behind MULTI: all of it as one transaction, or nothing if a watched key was written since. Commands
 * that need more than records (SCAN, FLUSHDB ...) run in their place, on their own, between what comes before and after them.
 * Rejects with ClusterFailure if nothing has happened, or it is not known whether the first of these transactions has.
 */
export function runQueued(
  session: Session,
  queued: readonly QueuedCommand[],
  watched: readonly WatchedKey[],
): Promise<Reply> {
  return new QueueRun(session, queued, watched).run();
}

class QueueRun {
  readonly #session: Session;
  readonly #queued: readonly QueuedCommand[];
  /** Until the first segment has run with them. */
  #watched: readonly WatchedKey[];
  readonly #replies: Reply[] = [];
  #open: Segment = { plan: new TransactionPlan(), parts: [] };
  /** Some of it has happened: what fails now, fails in its place. */
  #isUnderWay = false;
  /** Something found no quorum: what is behind it need not try. */
  #hasFailed = false;

  constructor(session: Session, queued: readonly QueuedCommand[], watched: readonly WatchedKey[]) {
    this.#session = session;
    this.#queued = queued;
    this.#watched = watched;
  }

  async run(): Promise<Reply> {
    const restore = saveChoices(this.#session);
    try {
      const refusal = await this.#runAll();
      if (refusal === null) return this.#replies;
      restore();
      return refusal;
    } catch (error) {
      restore();
      throw error;
    }
  }

  /** What EXEC answers if nothing has happened; null: the replies are there. */
  async #runAll(): Promise<Reply | null> {
    for (const command of this.#queued) {
      if (command.entry.row.handler?.kind === 'waiting') {
        const refusal = await this.#close();
        if (refusal !== null) return refusal;
        this.#replies.push(this.#hasFailed ? NOT_RUN : await this.#runAlone(command));
        this.#isUnderWay = true;
      } else {
        const { plan, parts } = this.#open;
        const namespace = namespaceNumber(this.#session);
        parts.push({ command, namespace, part: partOf(this.#session, command, plan) });
      }
    }
    return this.#close();
  }

  /** Runs what has been gathered; what EXEC answers if nothing has happened, else null. */
  async #close(): Promise<Reply | null> {
    const segment = this.#open;
    const watched = this.#watched;
    this.#open = { plan: new TransactionPlan(), parts: [] };
    this.#watched = [];
    if (segment.parts.length === 0 && watched.length === 0) return null;
    if (this.#hasFailed) {
      for (const _part of segment.parts) this.#replies.push(NOT_RUN);
      return null;
    }
    const result = await runSegment(this.#session, segment, watched);
    if (result.kind === 'done') {
      for (const reply of result.replies) this.#replies.push(reply);
    } else if (!this.#isUnderWay) {
      if (result.kind === 'failed') throw new ClusterFailure(result.failure);
      return result.kind === 'refused' ? result.error : NOTHING_DONE;
    } else {
      assert(result.kind !== 'watched', 'keys are watched until the first segment has run');
      this.#hasFailed = result.kind === 'failed';
      const error = result.kind === 'failed' ? failureReply(result.failure) : result.error;
      for (const { command } of segment.parts) {
        this.#replies.push(error);
        accountCall(this.#session, command.entry, command.args, error, 0);
      }
    }
    this.#isUnderWay = true;
    return null;
  }

  /** Its failure is its own: what came before it has happened. */
  async #runAlone({ entry, args }: QueuedCommand): Promise<Reply> {
    const session = this.#session;
    const { handler } = entry.row;
    if (handler?.kind !== 'waiting') throw new InvariantError('such a command runs with others');
    const refusal = checkAccess(session, entry, args);
    if (refusal !== null) return refusal;
    const { clock } = session.proxy;
    const startedMs = clock.monotonicMs();
    const namespace = namespaceNumber(session);
    let reply: Reply;
    try {
      reply = await handler.run(session, args);
    } catch (error) {
      reply = exceptionReply(session, args, error);
      this.#hasFailed = error instanceof ClusterFailure;
    }
    accountCall(session, entry, args, reply, (clock.monotonicMs() - startedMs) * 1000);
    countOnNamespace(session, { entry, args }, namespace, reply);
    return reply;
  }
}

/** What is called back undoes what queued commands chose, as if they had not run. */
function saveChoices(session: Session): () => void {
  const { database, namespaceGroup, namespaceBound, access, protocol, name, user, authenticated } = session;
  const choices = { database, namespaceGroup, namespaceBound, access, protocol, name, user, authenticated };
  return () => {
    Object.assign(session, choices);
  };
}

/** What one command is to do; whoever SELECTs has done so for those behind. */
function partOf(session: Session, { entry, args }: QueuedCommand, plan: TransactionPlan): TransactionPart | 'later' {
  const { handler } = entry.row;
  const gate = session.proxy.namespaces.gateOf(session);
  const namespace = namespaceNumber(session);
  if (handler === null || handler.kind === 'waiting') throw new InvariantError('such a command is not queued');
  // The user may be another one by now.
  const refusal = checkAccess(session, entry, args);
  if (refusal !== null) return () => refusal;
  if (handler.kind === 'session') {
    if (!CHOOSING.has(entry.row.name)) return 'later';
    const reply = runOnSession(handler, session, args) ?? null;
    return () => reply;
  }
  const parsed = handler.parse(args, session);
  if (parsed instanceof ErrorReply) return () => parsed;
  const nowMs = session.proxy.clock.monotonicMs();
  const use = ({ key }: { readonly key: Buffer }): void => {
    if (entry.usesKeys) noteUse(session, entry, namespace, key, nowMs);
  };
  if ('step' in parsed) {
    use(parsed);
    const step = gate === null ? parsed.step : gate.limitStep(parsed.key, parsed.step);
    return plan.addStep(namespace, parsed.key, step);
  }
  if ('run' in parsed) {
    parsed.keys.forEach(use);
    return plan.addAtomic(session, parsed, gate);
  }
  const multi = gate === null ? parsed : gate.limitSteps(entry.row, args, parsed);
  if (multi instanceof ErrorReply) return () => multi;
  multi.steps.forEach(use);
  const parts = multi.steps.map(({ key, step }) => plan.addStep(namespace, key, step));
  return (view) => multi.combine(parts.map((part) => part(view)));
}

async function runSegment(
  session: Session,
  { plan, parts }: Segment,
  watched: readonly WatchedKey[],
): Promise<SegmentResult> {
  const watching = watched.map((one) => ({ place: plan.place(one.namespace, one.key), one }));
  const { clock, cluster, tracer } = session.proxy;
  tracer?.attached(session)?.watchAll(plan.keys, plan.access);
  const startedMs = clock.monotonicMs();
  const run: TransactionPart = (view) => {
    const map = cluster.map();
    for (const { place, one } of watching) if (isWritten(one, view.origin(place), map)) return NOTHING_DONE;
    const restore = view.save();
    let bytes = 0;
    const replies: Reply[] = [];
    for (const { part, command } of parts) {
      const reply = part === 'later' ? null : runPart(session, command, () => part(view));
      bytes += replySize(reply);
      if (bytes > limits.transactionReplyBytes) {
        restore();
        return TOO_MUCH_TO_SAY;
      }
      replies.push(reply);
    }
    return replies;
  };
  const outcome = await new Promise<Outcome<Reply>>((resolve) => runPlan(cluster, plan, run, resolve));
  if (!outcome.ok) return { kind: 'failed', failure: outcome.failure };
  const { reply } = outcome;
  if (reply instanceof ErrorReply) return { kind: 'refused', error: reply };
  if (!Array.isArray(reply)) return { kind: 'watched' };
  const found: readonly Reply[] = reply;
  const eachUs = ((clock.monotonicMs() - startedMs) * 1000) / Math.max(1, parts.length);
  return { kind: 'done', replies: parts.map((part, i) => conclude(session, part, found[i] ?? null, eachUs)) };
}

/** Runs what had to wait, and counts the command. */
function conclude(session: Session, { command, namespace, part }: SegmentPart, found: Reply, eachUs: number): Reply {
  const { entry, args } = command;
  const { handler } = entry.row;
  if (part !== 'later' || handler?.kind !== 'session') {
    accountCall(session, entry, args, found, eachUs);
    countOnNamespace(session, command, namespace, found);
    return found;
  }
  const { clock } = session.proxy;
  const startedMs = clock.monotonicMs();
  const reply = runOnSession(handler, session, args) ?? null;
  accountCall(session, entry, args, reply, (clock.monotonicMs() - startedMs) * 1000);
  return reply;
}

function countOnNamespace(session: Session, { entry, args }: QueuedCommand, namespace: number, reply: Reply): void {
  if (!entry.onNamespace) return;
  const failed = reply instanceof ErrorReply ? 1 : 0;
  session.proxy.namespaces.count(namespace, entry.writes, 1, failed, requestSize(args), replySize(reply));
}

/** A command that fails unexpectedly costs its own reply only; what it has not come to, it has not changed. */
function runPart(session: Session, { entry }: QueuedCommand, run: () => Reply): Reply {
  try {
    return run();
  } catch (error) {
    if (isControlFlow(error) || error instanceof InvariantError) throw error;
    const { name } = entry.row;
    session.proxy.log.error({ client: session.id, command: name, err: error }, 'a command threw an unexpected error');
    return INTERNAL_ERROR;
  }
}
