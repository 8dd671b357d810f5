import { InvariantError } from '../base/assert.ts';
import { sameBallot } from '../record/ballot.ts';
import { ErrorReply, NullArray, type Reply } from '../resp/reply.ts';
import { accountCall } from './accounting.ts';
import { ClusterFailure } from './cluster-port.ts';
import type { Handler } from './command.ts';
import { runOnSession } from './dispatch.ts';
import { INTERNAL_ERROR } from './failure-reply.ts';
import { namespaceNumber, type Session } from './session.ts';
import { isControlFlow, runPlan, TOO_MANY_KEYS, type TransactionPart, TransactionPlan } from './transaction-plan.ts';
import type { QueuedCommand, WatchedKey } from './transaction-state.ts';

const NOTHING_DONE = new NullArray();

/** Commands that run as one: those up to the next that works on no records, like FLUSHDB. */
interface Segment {
  readonly plan: TransactionPlan;
  readonly parts: { readonly command: QueuedCommand; readonly part: TransactionPart }[];
}

/**
 * Runs what was queued behind MULTI: all of it as one transaction, or nothing if a watched key was written since. Commands
 * that need more than records (SCAN, FLUSHDB ...) run in their place, on their own, between what comes before and after them.
 */
export async function runQueued(
  session: Session,
  queued: readonly QueuedCommand[],
  watched: readonly WatchedKey[],
): Promise<Reply> {
  const replies: Reply[] = [];
  let open: Segment = { plan: new TransactionPlan(), parts: [] };
  let mustWatch = watched.length > 0;
  /** False if a watched key was written. */
  const close = async (): Promise<boolean> => {
    const segment = open;
    open = { plan: new TransactionPlan(), parts: [] };
    if (segment.parts.length === 0 && !mustWatch) return true;
    const watching = mustWatch ? watched : [];
    mustWatch = false;
    const part = await runSegment(session, segment, watching);
    if (part === null) return false;
    replies.push(...part);
    return true;
  };
  for (const command of queued) {
    const { handler } = command.entry.row;
    if (handler?.kind === 'waiting') {
      if (!(await close())) return NOTHING_DONE;
      replies.push(await runAlone(session, handler, command));
    } else {
      open.parts.push({ command, part: partOf(session, command, open.plan) });
    }
  }
  return (await close()) ? replies : NOTHING_DONE;
}

/** What one command is to do; whoever SELECTs has done so for those behind. */
function partOf(session: Session, { entry, args }: QueuedCommand, plan: TransactionPlan): TransactionPart {
  const { handler } = entry.row;
  const gate = session.proxy.namespaces.gateOf(session);
  const namespace = namespaceNumber(session);
  if (handler === null || handler.kind === 'waiting') throw new InvariantError('such a command is not queued');
  if (handler.kind === 'session') {
    const reply = runOnSession(handler, session, args) ?? null;
    return () => reply;
  }
  const parsed = handler.parse(args, session);
  if (parsed instanceof ErrorReply) return () => parsed;
  if ('step' in parsed) {
    const step = gate === null ? parsed.step : gate.limitStep(parsed.key, parsed.step);
    return plan.addStep(namespace, parsed.key, step);
  }
  if ('run' in parsed) return plan.addAtomic(session, parsed, gate);
  const multi = gate === null ? parsed : gate.limitSteps(entry.row, args, parsed);
  if (multi instanceof ErrorReply) return () => multi;
  const parts = multi.steps.map(({ key, step }) => plan.addStep(namespace, key, step));
  return (view) => multi.combine(parts.map((part) => part(view)));
}

/** Null if a watched key was written since. Rejects with ClusterFailure. */
async function runSegment(
  session: Session,
  { plan, parts }: Segment,
  watched: readonly WatchedKey[],
): Promise<readonly Reply[] | null> {
  const watching = watched.map(({ namespace, key, origin }) => ({ place: plan.place(namespace, key), origin }));
  const { clock, cluster } = session.proxy;
  const startedMs = clock.monotonicMs();
  const run: TransactionPart = (view) => {
    for (const { place, origin } of watching) if (!sameBallot(view.origin(place), origin)) return NOTHING_DONE;
    return parts.map(({ part, command }) => runPart(session, command, () => part(view)));
  };
  const outcome = await new Promise<Reply>((resolve, reject) => {
    runPlan(cluster, plan, run, (result) =>
      result.ok ? resolve(result.reply) : reject(new ClusterFailure(result.failure)),
    );
  });
  if (outcome === TOO_MANY_KEYS) return parts.map(() => TOO_MANY_KEYS);
  if (!Array.isArray(outcome)) return null;
  const replies: readonly Reply[] = outcome;
  const eachUs = ((clock.monotonicMs() - startedMs) * 1000) / Math.max(1, parts.length);
  for (const [i, { command }] of parts.entries()) {
    accountCall(session, command.entry, command.args, replies[i], eachUs);
  }
  return replies;
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

async function runAlone(
  session: Session,
  handler: Extract<Handler, { kind: 'waiting' }>,
  { entry, args }: QueuedCommand,
): Promise<Reply> {
  const { clock } = session.proxy;
  const startedMs = clock.monotonicMs();
  const reply = await handler.run(session, args);
  accountCall(session, entry, args, reply, (clock.monotonicMs() - startedMs) * 1000);
  return reply;
}
