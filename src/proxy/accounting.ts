import { ErrorReply, type Reply } from '../resp/reply.ts';
import type { CommandEntry } from './command-table.ts';
import type { PendingCommand } from './pending-command.ts';
import type { Session } from './session.ts';

/**
 * The commands of one connection that have their replies and are not counted yet. They are counted when the replies leave,
 * with one look at the clock for all, and those of one kind that arrived together as one.
 */
export class SettledCommands {
  #first: PendingCommand | null = null;
  #last: PendingCommand | null = null;
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  add(command: PendingCommand): void {
    if (this.#last === null) this.#first = command;
    else this.#last.nextSettled = command;
    this.#last = command;
  }

  /** Counts them all, as answered at `nowMs` (monotonic), and lets go of them and of their arguments. */
  account(nowMs: number): void {
    let first = this.#first;
    this.#first = null;
    this.#last = null;
    while (first !== null) first = accountAlike(this.#session, first, nowMs);
  }

  /** Before the end of the turn: somebody may look at what was counted. */
  accountNow(): void {
    if (this.#first !== null) this.account(this.#session.proxy.clock.monotonicMs());
  }
}

/** Counters, slow log and latency of `first` and the commands after it that are like it; returns the next one. */
function accountAlike(session: Session, first: PendingCommand, nowMs: number): PendingCommand | null {
  const { entry, namespace, startedMs } = first;
  const { stats, namespaces, slowLog, clock } = session.proxy;
  const durationUs = (nowMs - startedMs) * 1000;
  const reads = entry.readOnly && entry.row.handler?.kind === 'record';
  const slow = isSlow(session, entry, durationUs);
  const unixMs = slow ? clock.wallMs() : 0;
  let calls = 0;
  let failed = 0;
  let misses = 0;
  let bytesIn = 0;
  let bytesOut = 0;
  let command: PendingCommand | null = first;
  while (command !== null && command.entry === entry && isTogether(command, startedMs, namespace)) {
    const { reply } = command;
    calls += 1;
    bytesIn += command.argumentBytes;
    bytesOut += command.replyBytes;
    if (reply === null || reply === -2) misses += 1;
    else if (reply instanceof ErrorReply) failed += countFailure(session, entry, reply);
    if (slow) slowLog.record(command.args, durationUs, unixMs, session);
    command = command.letGo();
  }
  count(session, entry, calls, failed, durationUs);
  if (entry.onNamespace) namespaces.count(namespace, entry.writes, calls, failed, bytesIn, bytesOut);
  if (reads) {
    // Without asking the cluster for more: what a missing key makes of GET, TTL and their like.
    stats.keyspaceMisses += misses;
    stats.keyspaceHits += calls - misses;
  }
  return command;
}

function isTogether(command: PendingCommand, startedMs: number, namespace: number): boolean {
  return command.startedMs === startedMs && command.namespace === namespace;
}

/** The same for one command that is answered at once; undefined: it writes its reply itself. */
export function accountCall(
  session: Session,
  entry: CommandEntry,
  args: readonly Buffer[],
  reply: Reply | undefined,
  durationUs: number,
): void {
  const failed = reply instanceof ErrorReply ? countFailure(session, entry, reply) : 0;
  const { slowLog, clock } = session.proxy;
  if (isSlow(session, entry, durationUs)) slowLog.record(args, durationUs, clock.wallMs(), session);
  count(session, entry, 1, failed, durationUs);
}

function count(session: Session, entry: CommandEntry, calls: number, failed: number, durationUs: number): void {
  const { stats, latency } = session.proxy;
  const counters = stats.of(entry);
  counters.calls += calls;
  counters.failed += failed;
  counters.totalUs += durationUs * calls;
  stats.commandsProcessed += calls;
  latency.recordCommand(entry.row.name, durationUs, entry.fast, calls);
}

function countFailure(session: Session, entry: CommandEntry, reply: ErrorReply): 1 {
  const { stats, log } = session.proxy;
  const error = stats.countError(reply.text);
  if (CLUSTER_ERRORS.has(error)) {
    // Not the text, whose words the log's reader can look up: nothing of a key or value can get there.
    log.warn(
      { client: session.id, address: session.remoteAddress, command: entry.row.name, error },
      'the cluster failed a command',
    );
  }
  return 1;
}

/** First words of replies that are the cluster's fault and not the client's (failure-reply.ts). */
const CLUSTER_ERRORS: ReadonlySet<string> = new Set(['UNAVAILABLE', 'UNCERTAIN', 'BUSY', 'OOM']);

function isSlow(session: Session, entry: CommandEntry, durationUs: number): boolean {
  const threshold = session.proxy.config.slowlogLogSlowerThanUs;
  return threshold >= 0 && durationUs >= threshold && !entry.hiddenFromSlowLog;
}
