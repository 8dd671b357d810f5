import type { Socket } from 'node:net';
import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import { ErrorReply, PushReply, type Reply } from '../resp/reply.ts';
import { accountCall, SettledCommands } from './accounting.ts';
import { forgetUser } from './authentication.ts';
import { clientLine } from './client-line.ts';
import { giveSocket } from './client-socket.ts';
import { isBarrier } from './command.ts';
import type { CommandEntry } from './command-table.ts';
import { ConnectionHolds } from './connection-holds.ts';
import type { ConnectionEnds, ConnectionHome, ServedConnection } from './connection-home.ts';
import { ConnectionReplies } from './connection-replies.ts';
import { ConnectionRequests, type HeldCommand } from './connection-requests.ts';
import { admit, rejected, runOnSession, start } from './dispatch.ts';
import { OUT_OF_MEMORY } from './memory/memory-limit.ts';
import { type CommandOwner, PendingCommand, requestSize } from './pending-command.ts';
import { ALL_QUERY_BUFFERS_FULL, QUERY_BUFFER_FULL, type QueryHolder } from './query-budget.ts';
import type { Session } from './session.ts';

/**
 * One client connection over a socket: bytes -> parser -> dispatch -> cluster -> replies in request order -> one write
 * per turn. It stops parsing, and then reading, while too much is under way or unread; nothing is dropped.
 */
export class Connection extends ConnectionHolds implements Session, CommandOwner, QueryHolder, ServedConnection {
  readonly #socket: Socket;
  readonly #replies: ConnectionReplies;
  readonly #requests: ConnectionRequests;
  readonly #settled = new SettledCommands(this);
  /** A waiting command runs: nothing starts until it is settled. */
  #atBarrier = false;
  #lastEntry: CommandEntry | null = null;
  #lastActiveMs: number;
  /** `#lastActiveMs` when it was found idle and with nothing to give back any more. */
  #asleepSinceMs = Number.NaN;
  #turnMs: number;
  #isAdvancing = false;
  #isFlushScheduled = false;
  /** Parsed as far as it may: the parser may hold whole requests. */
  #isInputWaiting = false;
  #isReading = true;
  #hasInputEnded = false;
  #isClosing = false;
  #isEnding = false;
  #isGone = false;

  constructor(socket: Socket, home: ConnectionHome, ends: ConnectionEnds) {
    super(home, ends);
    const { proxy } = home;
    this.#socket = socket;
    this.#replies = new ConnectionReplies(socket, proxy.clients);
    this.#requests = new ConnectionRequests(proxy, home.budget);
    this.#turnMs = proxy.clock.monotonicMs();
    this.#lastActiveMs = this.#turnMs;
    forgetUser(this);
    proxy.clients.add(this);
    home.budget.add(this);
    giveSocket(socket, this);
    proxy.log.debug({ client: this.id, address: this.remoteAddress }, 'a client has connected');
  }

  get authenticated(): boolean {
    return this.#requests.authenticated;
  }

  /** Also lifts the parser's tight limits for strangers. */
  set authenticated(value: boolean) {
    this.#requests.authenticated = value;
  }

  get bufferedBytes(): number {
    return this.#requests.bufferedBytes + this.#requests.queuedBytes;
  }

  /** Monotonic milliseconds since the client last sent something. */
  idleMs(nowMs: number): number {
    return nowMs - this.#lastActiveMs;
  }

  push(reply: Reply): void {
    if (this.#isClosing || this.#isGone) return;
    if (this.replyMode === 'off' && !(reply instanceof PushReply)) return;
    this.#put(reply, false);
    this.checkOutputLimit(this.#turnMs);
  }

  closeAfterReplies(): void {
    this.#isClosing = true;
    this.#requests.dropHeld();
    this.scheduleFlush();
  }

  /** ServedConnection. */
  drain(): void {
    this.#requests.drain();
    this.scheduleFlush();
  }

  destroy(): void {
    if (this.#isGone) return;
    this.#leave();
    this.home.closer.close(this);
  }

  /** Closable. */
  closeNow(): void {
    if (this.#isGone) this.#socket.destroy();
    else this.#end();
  }

  reset(): void {
    this.proxy.monitors.remove(this);
    this.forgetChoices();
    forgetUser(this);
  }

  describe(): string {
    const nowMs = this.proxy.clock.monotonicMs();
    return clientLine(this, {
      ageMs: this.proxy.clock.wallMs() - this.createdAtMs,
      idleMs: this.idleMs(nowMs),
      closing: this.#isClosing,
      queryBytes: this.#requests.bufferedBytes,
      argumentBytes: this.#requests.inFlightBytes,
      commandsInFlight: this.#replies.awaited,
      outputBytes: this.#replies.unreadBytes,
      reading: this.#isReading,
      lastCommand: this.#lastEntry?.row.name ?? '',
    });
  }

  /** QueryHolder: closes this connection to make room; what it had sent is dropped at once. */
  evict(): void {
    this.proxy.log.warn({ client: this.id, bufferedBytes: this.bufferedBytes }, 'query buffers full, closing a client');
    this.#refuseInput(ALL_QUERY_BUFFERS_FULL);
  }

  /** ServedConnection. As in Redis, who waits for a reply, reads one or has sent MONITOR is not idle. */
  check(nowMs: number, idleLimitMs: number): void {
    const idleMs = this.idleMs(nowMs);
    if (this.#asleepSinceMs === this.#lastActiveMs && (idleLimitMs === 0 || idleMs <= idleLimitMs)) return;
    if (idleMs >= limits.idleTrimMs) {
      if (this.#replies.awaited > 0 || this.#replies.isBeingRead()) this.#lastActiveMs = nowMs;
      else if (idleLimitMs > 0 && idleMs > idleLimitMs && !this.monitoring) this.destroy();
      else {
        this.#requests.trim();
        this.#replies.trim();
        if (this.#replies.unreadBytes === 0) this.#asleepSinceMs = this.#lastActiveMs;
      }
    }
    this.checkOutputLimit(nowMs);
  }

  /** Disconnects a client that does not read what it is sent. `nowMs` is monotonic. */
  checkOutputLimit(nowMs: number): void {
    const { config, stats, log } = this.proxy;
    const limit = this.monitoring ? config.outputBufferLimits.pubsub : config.outputBufferLimits.normal;
    const bytes = this.#replies.unreadBytes;
    if (bytes > stats.maxOutputBufferBytes) stats.maxOutputBufferBytes = bytes;
    if (this.#isGone || !this.#replies.isOver(limit, nowMs)) return;
    stats.outputLimitDisconnections += 1;
    log.warn({ client: this.id, bytes }, 'client does not read its output, closing it');
    this.destroy();
  }

  /** Bytes from the client, which must not change any more. */
  received(chunk: Buffer): void {
    if (this.#isGone) return;
    this.proxy.stats.netInputBytes += chunk.length;
    this.#turnMs = this.proxy.clock.monotonicMs();
    this.#lastActiveMs = this.#turnMs;
    if (this.#isClosing) return;
    if (this.#requests.held === null) this.roomWait = null;
    this.#requests.push(chunk);
    this.#advance();
  }

  /** CommandOwner: a command's reply is there; it is written once those before it are. */
  settled(command: PendingCommand): void {
    this.#settled.add(command);
    this.#requests.inFlight(-command.argumentBytes);
    if (command.barrier) this.#atBarrier = false;
    if (this.#isGone) {
      this.#settled.accountNow();
      return;
    }
    this.#replies.settled(command, this);
    this.scheduleFlush();
  }

  /** Parses and starts commands as far as the limits allow. */
  #advance(): void {
    if (this.#isAdvancing || this.#isClosing || this.#isGone) return;
    this.#isAdvancing = true;
    try {
      this.#isInputWaiting = !this.#startAll();
    } finally {
      this.#isAdvancing = false;
    }
    const error = this.#requests.takeError();
    if (error !== null) this.#refuseInput(error);
    this.#requests.count(this.transaction === null ? 0 : this.transaction.heldBytes);
    if (this.#requests.bufferedBytes > this.proxy.config.clientQueryBufferBytes) this.#refuseInput(QUERY_BUFFER_FULL);
    this.home.budget.enforce();
    this.#updateReading();
  }

  /** False when commands may be left in the parser. */
  #startAll(): boolean {
    const { held } = this.#requests;
    if (held !== null && !this.#startHeld(held)) return false;
    while (this.#mayStart()) {
      const args = this.#requests.next();
      if (args === null) return true;
      this.#run(args);
    }
    return false;
  }

  #mayStart(): boolean {
    if (this.#requests.held !== null || this.#atBarrier || this.#isClosing || this.#isGone) return false;
    return this.#replies.hasRoom && this.#requests.inFlightBytes < limits.connectionInFlightBytes;
  }

  #run(args: readonly Buffer[]): void {
    if (this.replyMode === 'skip-next') this.replyMode = 'skip-this';
    const entry = admit(this, args);
    if (this.#isGone) return;
    if (entry instanceof ErrorReply) this.#refuse(entry);
    else this.#begin(entry, args);
  }

  #refuse(error: ErrorReply): void {
    this.transaction?.fail();
    this.#put(error, this.takeSilence());
  }

  /** Starts the command, queues or refuses it, or holds it as long as it has to wait. */
  #begin(entry: CommandEntry, args: readonly Buffer[]): void {
    const { transaction } = this;
    const isQueued = transaction?.takes(entry) === true;
    const room = this.gate(entry, args, isQueued, this.#replies.awaited);
    if (room === 'wait') this.#requests.hold({ entry, args, argumentBytes: requestSize(args) });
    else if (room === 'none') this.#refuse(rejected(this, entry, OUT_OF_MEMORY));
    else if (isQueued) this.#put(transaction.queue(entry, args), this.takeSilence());
    else this.#execute(entry, args);
  }

  /** False while it still has to wait. */
  #startHeld(held: HeldCommand): boolean {
    this.#requests.dropHeld();
    this.#begin(held.entry, held.args);
    return this.#requests.held === null;
  }

  #execute(entry: CommandEntry, args: readonly Buffer[]): void {
    const { handler } = entry.row;
    assert(handler !== null, 'a command that was admitted has a handler');
    this.#lastEntry = entry;
    if (handler.kind !== 'record') this.#settled.accountNow();
    if (handler.kind === 'session') {
      const startedMs = this.proxy.clock.monotonicMs();
      const reply = runOnSession(handler, this, args);
      accountCall(this, entry, args, reply, (this.proxy.clock.monotonicMs() - startedMs) * 1000);
      const silent = this.takeSilence();
      if (reply !== undefined) this.#put(reply, silent);
      return;
    }
    const bytes = requestSize(args) + this.queuedFor(entry);
    const barrier = isBarrier(handler.kind) || (handler.kind === 'records' && args.length > limits.keysInFlight);
    const silent = this.takeSilence();
    const command = new PendingCommand(this, entry, args, bytes, this.#turnMs, this.protocol, silent, barrier);
    this.#requests.inFlight(bytes);
    this.#atBarrier = barrier;
    this.#replies.await(command);
    start(handler, this, command);
  }

  #put(reply: Reply, silent: boolean): void {
    if (silent) return;
    this.#replies.put(reply, this.protocol);
    this.scheduleFlush();
  }

  #updateReading(): void {
    if (this.#isGone || this.#isEnding) return;
    const crowded = this.bufferedBytes > this.home.budget.smallBytes && this.home.budget.mustWait();
    if (crowded && this.#isReading) this.#retryLater();
    const wanted = this.#isClosing || !(this.#isInputWaiting || crowded);
    if (wanted === this.#isReading) return;
    this.#isReading = wanted;
    if (wanted) this.#socket.resume();
    else this.#socket.pause();
  }

  /** Looks again and again whether the budget has room for what this client sends. */
  #retryLater(): void {
    this.proxy.clock.after(limits.queryBudgetRetryMs, () => {
      if (this.#isReading || this.#isGone) return;
      this.#retryLater();
      this.scheduleFlush();
    });
  }

  /** The last reply of a client whose input cannot be read any further. */
  #refuseInput(text: string): void {
    if (this.#isClosing || this.#isGone) return;
    if (!text.startsWith('ERR Protocol error')) this.proxy.stats.queryLimitDisconnections += 1;
    this.proxy.stats.countError(text);
    this.proxy.log.info({ client: this.id }, 'a request cannot be read, closing its client');
    this.transaction = null;
    this.#requests.drop();
    this.#put(new ErrorReply(text), false);
    this.closeAfterReplies();
  }

  protected override scheduleFlush(): void {
    if (this.#isFlushScheduled || this.#isGone) return;
    this.#isFlushScheduled = true;
    this.home.turns.add(this);
  }

  /** TurnMember: writes the replies of this turn, and goes on with what had to wait for them. */
  endTurn(): void {
    this.#isFlushScheduled = false;
    if (this.#isGone) return;
    this.#turnMs = this.proxy.clock.monotonicMs();
    this.#settled.account(this.#turnMs);
    this.proxy.stats.netOutputBytes += this.#replies.flush();
    this.#lastActiveMs = this.#turnMs;
    this.checkOutputLimit(this.#turnMs);
    if (this.#isInputWaiting || !this.#isReading) this.#advance();
    this.#endIfDone();
  }

  /** SocketOwner. */
  inputEnded(): void {
    this.#hasInputEnded = true;
    // Thousands of idle clients may go at once. TLS has last words of its own.
    if (this.#owesNothing && !this.home.encrypted) this.destroy();
    else this.scheduleFlush();
  }

  /** Nothing of what the client has sent or is sent is left here. */
  get #owesNothing(): boolean {
    if (this.#isInputWaiting || this.#isFlushScheduled || this.#isEnding) return false;
    return this.#replies.awaited === 0 && this.#requests.held === null && this.#replies.unreadBytes === 0;
  }

  drained(): void {
    this.scheduleFlush();
  }

  failed(error: Error): void {
    this.proxy.log.debug({ client: this.id, err: error }, 'client connection failed');
    this.destroy();
  }

  closed(): void {
    this.#leave();
    this.home.left(this);
  }

  /** Ends the connection once nothing is left to answer. */
  #endIfDone(): void {
    if (this.#isGone || this.#isEnding || this.#replies.awaited > 0 || this.#requests.held !== null) return;
    const answered = (this.#hasInputEnded || this.#requests.isDrained) && !this.#isInputWaiting;
    if (!this.#isClosing && !answered) return;
    this.#isEnding = true;
    this.#isClosing = true;
    this.home.closer.close(this);
  }

  #end(): void {
    this.proxy.stats.netOutputBytes += this.#replies.flush();
    const socket = this.#socket;
    socket.end(() => {
      this.#leave();
      if (!socket.destroyed) this.home.lingerer.add(socket);
    });
  }

  /** Gives back all that others count on; the socket is closed by whoever calls. */
  #leave(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.proxy.log.debug({ client: this.id }, 'a client has gone');
    this.#settled.accountNow();
    this.#requests.dropHeld();
    this.#requests.drop();
    this.#replies.leave();
    this.home.budget.remove(this);
    this.forgetHolds();
    this.proxy.monitors.remove(this);
    this.proxy.clients.remove(this);
  }
}
