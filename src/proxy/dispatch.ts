import { InvariantError, unreachable } from '../base/assert.ts';
import { upToZero } from '../base/c-text.ts';
import { ErrorReply, type Reply } from '../resp/reply.ts';
import { authenticationRequired } from './authentication.ts';
import { ClusterFailure } from './cluster-port.ts';
import type { Handler } from './command.ts';
import type { CommandEntry } from './command-table.ts';
import { failureReply, INTERNAL_ERROR } from './failure-reply.ts';
import { MultiPartCommand, type PendingCommand } from './pending-command.ts';
import type { ProxyContext } from './proxy-context.ts';
import { namespaceNumber, type Session } from './session.ts';
import { runPlan, TransactionPlan } from './transaction-plan.ts';

const NOAUTH = new ErrorReply('NOAUTH Authentication required.');
/** Redis shows so much of what it did not understand. */
const SHOWN_BYTES = 128;
const NOTHING = Buffer.alloc(0);

/** The ladder: the row that will carry out the command, or why not. Counts what is rejected. */
export function admit(session: Session, args: readonly Buffer[]): CommandEntry | ErrorReply {
  const { stats, monitors } = session.proxy;
  const entry = lookUp(session.proxy, args);
  if (entry instanceof ErrorReply) {
    stats.countError(entry.text);
    if (speaksHttp(args[0])) {
      session.proxy.log.warn(
        { client: session.id },
        'a client speaks HTTP, possibly a web page made to do so: closing it',
      );
      session.destroy();
    }
    return entry;
  }
  const refusal =
    checkArity(entry, args) ??
    checkAuthenticated(session, entry) ??
    checkAccess(session, entry, args) ??
    checkRates(session, entry, args);
  if (refusal !== null) return rejected(session, entry, refusal);
  if (monitors.active) monitors.feed(session, entry.row, args);
  return entry;
}

/** What a command is answered that is not carried out; it is counted. */
export function rejected(session: Session, entry: CommandEntry, refusal: ErrorReply): ErrorReply {
  const { stats } = session.proxy;
  stats.of(entry).rejected += 1;
  stats.countError(refusal.text);
  return entry.row.name === 'exec' ? aborted(session, refusal) : refusal;
}

/** An EXEC that cannot be carried out has ended its transaction. */
function aborted(session: Session, { text }: ErrorReply): ErrorReply {
  session.transaction = null;
  return new ErrorReply(`EXECABORT Transaction discarded because of: ${text.replace(/^ERR /, '')}`);
}

/** A browser that was made to send commands (cross protocol scripting): cut off unanswered, as by Redis. */
function speaksHttp(name: Buffer | undefined): boolean {
  if (name === undefined || name.length < 4 || name.length > 5) return false;
  const lower = name.toString('latin1').toLowerCase();
  return lower === 'post' || lower === 'host:';
}

function lookUp(proxy: ProxyContext, args: readonly Buffer[]): CommandEntry | ErrorReply {
  const name = args[0];
  const entry = name === undefined ? undefined : proxy.table.find(name);
  if (entry === undefined) return unknownCommand(args);
  const second = args[1];
  if (entry.subcommands === null || second === undefined) return entry;
  return entry.subcommands.find(second) ?? unknownSubcommand(args);
}

function checkArity(entry: CommandEntry, args: readonly Buffer[]): ErrorReply | null {
  const { arity, name } = entry.row;
  const fits = arity > 0 ? args.length === arity : args.length >= -arity;
  return fits && entry.row.handler !== null
    ? null
    : new ErrorReply(`ERR wrong number of arguments for '${name}' command`);
}

function checkAuthenticated(session: Session, entry: CommandEntry): ErrorReply | null {
  return entry.allowedBeforeAuth || session.authenticated || !authenticationRequired(session) ? null : NOAUTH;
}

/** Whether the session's user may run it, now; a refusal is entered in the audit log where the command is one of those. */
export function checkAccess(session: Session, entry: CommandEntry, args: readonly Buffer[]): ErrorReply | null {
  if (session.access >= entry.access) return null;
  entry.row.onDenied?.(session, args);
  return new ErrorReply(`NOPERM this user has no permissions to run the '${entry.row.name}' command`);
}

/** What passes here is counted against the rates of its namespace. */
function checkRates(session: Session, entry: CommandEntry, args: readonly Buffer[]): ErrorReply | null {
  const { namespaces } = session.proxy;
  const gate = namespaces.gateOf(session);
  if (gate === null || !entry.onNamespace) return null;
  const refusal = gate.admit(args);
  if (refusal !== null) namespaces.countersOf(session.namespaceGroup).refused += 1;
  return refusal;
}

/** As C prints an argument: up to its first zero byte, cut at `maxBytes`. */
function shown(argument: Buffer | undefined, maxBytes: number): Buffer {
  if (argument === undefined) return NOTHING;
  return upToZero(argument).subarray(0, maxBytes);
}

function errorLine(text: string): ErrorReply {
  return new ErrorReply(text.replaceAll(/[\r\n]/g, ' '));
}

function unknownCommand(args: readonly Buffer[]): ErrorReply {
  let rest = '';
  let restBytes = 0;
  for (let i = 1; i < args.length && restBytes < SHOWN_BYTES; i++) {
    const word = shown(args[i], SHOWN_BYTES - restBytes);
    rest += `'${word}' `;
    restBytes += word.length + 3;
  }
  return errorLine(`ERR unknown command '${shown(args[0], SHOWN_BYTES)}', with args beginning with: ${rest}`);
}

function unknownSubcommand(args: readonly Buffer[]): ErrorReply {
  const parent = shown(args[0], SHOWN_BYTES).toString().toUpperCase();
  return errorLine(`ERR unknown subcommand '${shown(args[1], SHOWN_BYTES)}'. Try ${parent} HELP.`);
}

/** Runs a `session` row; undefined if it writes itself. An unexpected exception costs this command only. */
export function runOnSession(
  handler: Extract<Handler, { kind: 'session' }>,
  session: Session,
  args: readonly Buffer[],
): Reply | undefined {
  try {
    return handler.run(session, args);
  } catch (error) {
    return exceptionReply(session, args, error);
  }
}

/** Starts a row that needs the cluster; `command` is settled now or later, whatever happens. */
export function start(handler: Handler, session: Session, command: PendingCommand): void {
  command.namespace = namespaceNumber(session);
  const { tracer } = session.proxy;
  if (tracer !== null) command.trace = tracer.sample(command);
  try {
    switch (handler.kind) {
      case 'record':
        startRecord(handler, session, command);
        break;
      case 'records':
        startRecords(handler, session, command);
        break;
      case 'atomic':
        startAtomic(handler, session, command);
        break;
      case 'waiting':
        startWaiting(handler, session, command);
        break;
      case 'session':
        throw new InvariantError('a session row is not started');
      default:
        unreachable(handler);
    }
  } catch (error) {
    settleException(session, command, error);
  }
}

function startRecord(handler: Extract<Handler, { kind: 'record' }>, session: Session, command: PendingCommand): void {
  const parsed = handler.parse(command.args, session);
  if (parsed instanceof ErrorReply) {
    command.settle(parsed);
    return;
  }
  const gate = session.proxy.namespaces.gateOf(session);
  command.key = parsed.key;
  if (command.trace !== null) command.trace.watch(parsed.key);
  const { entry, namespace, startedMs } = command;
  if (entry.usesKeys) noteUse(session, entry, namespace, parsed.key, startedMs);
  const step = parsed.streamed !== undefined && session.proxy.cluster.openPages ? parsed.streamed : parsed.step;
  command.step = gate === null ? step : gate.limitStep(parsed.key, step);
  session.proxy.cluster.submit(command);
}

/** Of a client that asked for that (CLIENT NO-TOUCH) only TOUCH counts. `nowMs` is monotonic. */
export function noteUse(session: Session, entry: CommandEntry, namespace: number, key: Buffer, nowMs: number): void {
  if (session.noTouch && entry.row.name !== 'touch') return;
  session.proxy.keyUse.touch(namespace, key, nowMs);
}

function startRecords(handler: Extract<Handler, { kind: 'records' }>, session: Session, command: PendingCommand): void {
  const { args, entry } = command;
  const gate = session.proxy.namespaces.gateOf(session);
  let parsed = handler.parse(args);
  if (gate !== null && !(parsed instanceof ErrorReply)) parsed = gate.limitSteps(entry.row, args, parsed);
  if (parsed instanceof ErrorReply) {
    command.settle(parsed);
    return;
  }
  const { steps } = parsed;
  const multi = parsed;
  const { namespace, startedMs } = command;
  if (entry.usesKeys) for (const { key } of steps) noteUse(session, entry, namespace, key, startedMs);
  const combine = (replies: readonly Reply[]): Reply => {
    try {
      return multi.combine(replies);
    } catch (error) {
      return exceptionReply(session, args, error);
    }
  };
  if (steps.length === 0) {
    command.settle(combine([]));
    return;
  }
  if (command.trace !== null) for (const { key } of steps) command.trace.watch(key);
  const whole = new MultiPartCommand(command, { steps, combine }, entry.writes);
  whole.start(session.proxy.cluster, namespace);
}

function startAtomic(handler: Extract<Handler, { kind: 'atomic' }>, session: Session, command: PendingCommand): void {
  const { args, entry, startedMs } = command;
  const parsed = handler.parse(args, session);
  if (parsed instanceof ErrorReply) {
    command.settle(parsed);
    return;
  }
  const plan = new TransactionPlan();
  const part = plan.addAtomic(session, parsed, session.proxy.namespaces.gateOf(session));
  if (entry.usesKeys) for (const { namespace, key } of plan.keys) noteUse(session, entry, namespace, key, startedMs);
  if (command.trace !== null) command.trace.watchAll(plan.keys, plan.access);
  runPlan(session.proxy.cluster, plan, part, (outcome) => command.done(outcome));
}

function startWaiting(handler: Extract<Handler, { kind: 'waiting' }>, session: Session, command: PendingCommand): void {
  if (command.trace !== null) session.proxy.tracer?.attach(session, command.trace);
  handler.run(session, command.args).then(
    (reply) => command.settle(reply),
    (error: unknown) => settleException(session, command, error),
  );
}

function settleException(session: Session, command: PendingCommand, error: unknown): void {
  const reply = exceptionReply(session, command.args, error);
  if (!command.isSettled) command.settle(reply);
}

/** What a command answers that threw. InvariantError goes on, to stop the process: state that cannot be trusted must not serve anybody. */
export function exceptionReply(session: Session, args: readonly Buffer[], error: unknown): ErrorReply {
  if (error instanceof InvariantError) throw error;
  if (error instanceof ClusterFailure) return failureReply(error.failure);
  const name = shown(args[0], SHOWN_BYTES).toString().toLowerCase();
  const { id: client, remoteAddress: address } = session;
  session.proxy.log.error({ client, address, command: name, err: error }, 'a command threw an unexpected error');
  return INTERNAL_ERROR;
}
